//go:build linux

package pods_test

import (
	"strings"
	"testing"
	"time"

	"kubelab/kube/cluster/clustertest"
)

// of is what a pod's object has at a path.
func of(c *clustertest.Cluster, pod, path string) string {
	return strings.TrimSpace(c.Kubectl("get", "pod", pod, "-o", "jsonpath={"+path+"}"))
}

func TestContainersOfAPodThatShareTheirProcesses(t *testing.T) {
	c := clustertest.Start(t)
	c.Apply(`{apiVersion: v1, kind: Pod, metadata: {name: web}, spec: {shareProcessNamespace: true, terminationGracePeriodSeconds: 1, containers: [
		{name: server, image: busybox, command: [sh, -c, "echo mine > /file; exec sleep 4001"]},
		{name: beside, image: busybox, command: [sh, -c, "exec sleep 4002"]}]}}`)
	c.Kubectl("wait", "--for=condition=Ready", "pod/web", "--timeout=60s")
	inside := func(container, script string) string {
		t.Helper()
		return c.Kubectl("exec", "web", "-c", container, "--", "sh", "-c", script)
	}
	restarts := func() string { return of(c, "web", ".status.containerStatuses[*].restartCount") }
	const look = "ps -o args | grep -e '^/pause' -e '^sleep 400' | sort"
	const server = "$(ps -o pid,args | awk '/sleep 4001$/ {print $1}')"
	if got := inside("beside", look+"; cat /proc/1/comm /proc/"+server+"/root/file"); got != "/pause\nsleep 4001\nsleep 4002\npause\nmine" {
		t.Errorf("one container sees of the other\n%s", got)
	}
	inside("beside", "kill "+server) // a process that is not number 1 has no protection
	c.Wait(30*time.Second, "the one that was ended from the other to run again", func() bool { return restarts() == "0 1" || restarts() == "1 0" })
	c.Kubectl("wait", "--for=condition=Ready", "pod/web", "--timeout=60s")
	if got := of(c, "web", `.status.containerStatuses[?(@.name=="server")].lastState.terminated.exitCode`) + " " + inside("beside", look); got != "143 /pause\nsleep 4001\nsleep 4002" {
		t.Errorf("after the restart of one there is\n%s", got)
	}
	c.KillComponent("runtime")
	c.KillComponent("kubelet")
	c.Wait(30*time.Second, "the runtime to be back", func() bool {
		out, err := c.Try("kubectl", "exec", "web", "-c", "server", "--", "sh", "-c", look)
		return err == nil && out == "/pause\nsleep 4001\nsleep 4002"
	})
	if got := restarts(); got != "0 1" && got != "1 0" {
		t.Errorf("after runtime and kubelet were killed the containers have been restarted %s times", got)
	}
	c.Kubectl("debug", "web", "--image=busybox", "--target=server", "-c", "look", "--attach=false", "--", "sh", "-c", look)
	c.Wait(30*time.Second, "the debug container's end", func() bool {
		return of(c, "web", ".status.ephemeralContainerStatuses[0].state.terminated.exitCode") == "0"
	})
	if got := c.Kubectl("logs", "web", "-c", "look"); got != "/pause\nsleep 4001\nsleep 4002" {
		t.Errorf("a debug container sees\n%s", got)
	}
	c.Kubectl("debug", "web", "--copy-to=copy", "-c", "look", "--image=busybox", "--attach=false", "--", "sleep", "4003") // which shares processes
	c.Kubectl("wait", "--for=condition=Ready", "pod/copy", "--timeout=60s")
	if got := c.Kubectl("exec", "copy", "-c", "look", "--", "sh", "-c", look); got != "/pause\nsleep 4001\nsleep 4002\nsleep 4003" {
		t.Errorf("a debugger sees in its copy of the pod\n%s", got)
	}
	inside("beside", "kill 1")
	c.Wait(60*time.Second, "both containers to run again in a new sandbox", func() bool {
		return (restarts() == "1 2" || restarts() == "2 1") && of(c, "web", ".status.containerStatuses[*].ready") == "true true"
	})
	uid := of(c, "web", ".metadata.uid")
	c.Kubectl("delete", "pod", "web", "copy", "--wait", "--grace-period=1")
	if left := clustertest.Processes("pod" + uid); len(left) > 0 {
		t.Errorf("the pod has left processes: %v", left)
	}
}
