package initcontainers_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"kubelab/kube/cluster/clustertest"
)

// manifest is a pod with a container for each of the lines, which say its list, its name, and what its shell is to do.
func manifest(name, more string, containers ...[3]string) string {
	text := fmt.Sprintf("apiVersion: v1\nkind: Pod\nmetadata: {name: %s}\nspec:\n  terminationGracePeriodSeconds: 10\n%s", name, more)
	list := ""
	for _, c := range containers {
		if c[0] != list {
			list = c[0]
			text += "  " + list + ":\n"
		}
		policy := ""
		if n, sidecar := strings.CutPrefix(c[1], "*"); sidecar {
			c[1], policy = n, ", restartPolicy: Always"
		}
		text += fmt.Sprintf("  - {name: %s, image: busybox, command: [sh, -c, %q]%s}\n", c[1], c[2], policy)
	}
	return text
}

// forever is a shell that ends at once when it is asked to.
const forever = "trap 'exit 0' TERM; while :; do sleep 0.1; done"

// field is what a pod's object has at a path.
func field(c *clustertest.Cluster, pod, path string) string {
	return strings.TrimSpace(c.Kubectl("get", "pod", pod, "-o", "jsonpath={"+path+"}"))
}

func TestInitContainersAndSidecarsInACluster(t *testing.T) {
	c := clustertest.Start(t)
	t.Run("InitContainersRunInTurnAndOnceThoughTheKubeletIsKilledBetweenThem", func(t *testing.T) {
		c := c.In(t)
		c.Apply(manifest("web", "", [3]string{"initContainers", "a", "sleep 1"}, [3]string{"initContainers", "b", "sleep 3"}, [3]string{"containers", "main", forever}))
		c.Wait(20*time.Second, "the second to run", func() bool { return field(c, "web", ".status.initContainerStatuses[1].state.running.startedAt") != "" })
		if row := c.Kubectl("get", "pod", "web", "--no-headers"); !strings.Contains(row, "Init:1/2") {
			t.Errorf("kubectl prints %s", row)
		}
		c.KillComponent("kubelet")
		c.Kubectl("wait", "--for=condition=Ready", "pod/web", "--timeout=60s")
		if got := field(c, "web", ".status.initContainerStatuses[*].restartCount"); got != "0 0" {
			t.Errorf("init containers were restarted: %s", got)
		}
		c.KillContainer("default", "web")
		c.Wait(20*time.Second, "the main container to be restarted", func() bool {
			return field(c, "web", ".status.containerStatuses[0].restartCount") == "1" && field(c, "web", ".status.containerStatuses[0].ready") == "true"
		})
		if got := field(c, "web", ".status.initContainerStatuses[*].restartCount"); got != "0 0" {
			t.Errorf("init containers ran again with the main one: %s", got)
		}
		c.Kubectl("delete", "pod", "web", "--wait")
	})
	t.Run("OneThatFailsIsTriedAgainWithBackOff", func(t *testing.T) {
		c := c.In(t)
		c.Apply(manifest("crash", "", [3]string{"initContainers", "a", "echo no database; exit 1"}, [3]string{"containers", "main", forever}))
		c.Wait(30*time.Second, "the back-off", func() bool { return strings.Contains(c.Kubectl("get", "pod", "crash"), "Init:CrashLoopBackOff") })
		if log := c.Kubectl("logs", "crash", "-c", "a"); !strings.Contains(log, "no database") {
			t.Errorf("its log is %q", log)
		}
		if got := field(c, "crash", `.status.conditions[?(@.type=="Initialized")].message`); got != "containers with incomplete status: [a]" {
			t.Errorf("the condition says %q", got)
		}
		c.Kubectl("delete", "pod", "crash", "--wait")
	})
	t.Run("OneThatFailsEndsAPodThatTriesNothingAgain", func(t *testing.T) {
		c := c.In(t)
		c.Apply(manifest("once", "  restartPolicy: Never\n", [3]string{"initContainers", "a", "exit 3"}, [3]string{"containers", "main", forever}))
		c.Wait(20*time.Second, "the pod to fail", func() bool { return field(c, "once", ".status.phase") == "Failed" })
		if row := c.Kubectl("get", "pod", "once", "--no-headers"); !strings.Contains(row, "Init:Error") {
			t.Errorf("kubectl prints %s", row)
		}
		c.Kubectl("delete", "pod", "once", "--wait")
	})
	t.Run("ASidecarRunsBeforeTheMainContainerAndEndsAfterIt", func(t *testing.T) {
		c := c.In(t)
		c.Apply(manifest("job", "  restartPolicy: Never\n", [3]string{"initContainers", "*proxy", forever}, [3]string{"containers", "main", "sleep 2"}))
		c.Kubectl("wait", "--for=condition=Ready", "pod/job", "--timeout=60s")
		if row := c.Kubectl("get", "pod", "job", "--no-headers"); !strings.Contains(row, "2/2") {
			t.Errorf("kubectl prints %s", row)
		}
		c.Wait(20*time.Second, "the pod to have done its work", func() bool { return field(c, "job", ".status.phase") == "Succeeded" })
		main, proxy := field(c, "job", ".status.containerStatuses[0].state.terminated.finishedAt"), field(c, "job", ".status.initContainerStatuses[0].state.terminated.finishedAt")
		if proxy == "" || proxy < main {
			t.Errorf("the sidecar ended at %q, the main container at %q", proxy, main)
		}
		c.Kubectl("delete", "pod", "job", "--wait")
	})
	t.Run("AnEphemeralContainerSeesTheProcessesOfItsTarget", func(t *testing.T) {
		c := c.In(t)
		c.Apply(manifest("target", "", [3]string{"containers", "main", forever}))
		c.Kubectl("wait", "--for=condition=Ready", "pod/target", "--timeout=60s")
		c.Kubectl("debug", "target", "--image=busybox", "--target=main", "-c", "debug", "--attach=false", "--", "ps", "-o", "pid,args")
		c.Wait(20*time.Second, "it to have run", func() bool {
			return field(c, "target", ".status.ephemeralContainerStatuses[0].state.terminated.exitCode") == "0"
		})
		if log := c.Kubectl("logs", "target", "-c", "debug"); !strings.Contains(log, "1 sh -c trap") {
			t.Errorf("its processes are\n%s", log)
		}
		if answer := c.Ask("echo I am $(hostname)\n", "debug", "-i", "target", "--image=busybox", "-c", "shell", "--", "sh"); !strings.Contains(answer.Out, "I am target") {
			t.Errorf("a shell in the pod says %+v", answer)
		}
		if got := field(c, "target", ".status.containerStatuses[0].restartCount"); got != "0" {
			t.Errorf("the main container was restarted %s times", got)
		}
		if out, err := c.Try("kubectl", "debug", "target", "--copy-to=copy", "--container=main", "--attach=false", "--image=busybox", "--", "sleep", "1000"); err != nil {
			t.Errorf("a copy: %v: %s", err, out)
		}
		c.Kubectl("wait", "--for=condition=Ready", "pod/copy", "--timeout=60s")
		c.Kubectl("delete", "pod", "target", "copy", "--wait", "--grace-period=1")
	})
	t.Run("ADebuggerOfANodeSeesItsFilesItsNetworkAndItsName", func(t *testing.T) {
		c := c.In(t)
		node := c.Kubectl("get", "nodes", "-o", "jsonpath={.items[0].metadata.name}")
		address := c.Kubectl("get", "node", node, "-o", `jsonpath={.status.addresses[?(@.type=="InternalIP")].address}`)
		script := "echo I am $(hostname) at $(ip -4 -o addr show | grep -o '" + address + "/' | head -1); chroot /host test -d /etc && echo its files are here; exit\n"
		answer := c.Ask(script, "debug", "node/"+node, "-i", "--image=busybox", "--", "sh")
		if !strings.Contains(answer.Out, "I am "+node+" at "+address+"/") || !strings.Contains(answer.Out, "its files are here") {
			t.Errorf("a shell on node %s, %s, says %+v", node, address, answer)
		}
		c.Kubectl("delete", "pods", "--all", "--wait", "--grace-period=1")
	})
	t.Run("APodOnTheMachinesProcessesSeesThemAll", func(t *testing.T) {
		c := c.In(t)
		c.Apply(manifest("seer", "  hostPID: true\n  hostIPC: true\n  restartPolicy: Never\n  hostAliases: [{ip: 10.0.0.1, hostnames: [old]}]\n", [3]string{"containers", "main", "ps -o args | grep -c kube-shim; cat /etc/hosts"}))
		c.Wait(20*time.Second, "it to have looked", func() bool { return field(c, "seer", ".status.phase") == "Succeeded" })
		if log := c.Kubectl("logs", "seer"); strings.HasPrefix(log, "0") || !strings.Contains(log, "10.0.0.1\told") {
			t.Errorf("it sees %s", log)
		}
		c.Kubectl("delete", "pod", "seer", "--wait")
	})
	t.Run("APodAsksForTheMostThatItNeedsAtOneTime", func(t *testing.T) {
		c := c.In(t)
		c.Apply(`{apiVersion: v1, kind: Pod, metadata: {name: big}, spec: {terminationGracePeriodSeconds: 0,
			initContainers: [{name: s, image: busybox, restartPolicy: Always, command: [sleep, "1000"], resources: {requests: {cpu: 30m}}}, {name: a, image: busybox, command: ["true"], resources: {requests: {cpu: 200m}}}],
			containers: [{name: main, image: busybox, command: [sleep, "1000"], resources: {requests: {cpu: 50m}}}]}}`)
		c.Kubectl("wait", "--for=condition=Ready", "pod/big", "--timeout=60s")
		described := c.Kubectl("describe", "node", field(c, "big", ".spec.nodeName"))
		if want := strconv.Itoa(200+30) + "m"; !strings.Contains(described, want) {
			t.Errorf("the node is not asked for %s:\n%s", want, described)
		}
		c.Kubectl("delete", "pod", "big", "--wait")
	})
}
