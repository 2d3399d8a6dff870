package nodes_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"kubelab/kube/cluster/clustertest"
)

// web is three pods that put up with a lost node for two seconds, their service, and a client that stays on node-1.
const web = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      tolerations:
      - {key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute, tolerationSeconds: 2}
      - {key: node.kubernetes.io/not-ready, operator: Exists, effect: NoExecute, tolerationSeconds: 2}
      containers: [{name: web, image: busybox, command: [httpd, -f, -p, "8080", -h, /etc]}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80, targetPort: 8080}]
---
apiVersion: v1
kind: Pod
metadata: {name: client}
spec:
  nodeName: node-1
  terminationGracePeriodSeconds: 0
  containers: [{name: client, image: busybox, command: [sleep, "1000000"]}]
`

func TestNodesComeAndGo(t *testing.T) {
	c := clustertest.Start(t)
	c.Apply(web)
	c.WaitReady("default", "app=web", 3)
	c.Kubectl("wait", "--for=condition=Ready", "pod/client", "--timeout=60s")
	if on := spread(c); !slices.Equal(on, []string{"node-1", "node-2", "node-3"}) {
		t.Fatalf("the pods are on %v, want three nodes", on)
	}
	lost := podOn(c, "node-2")
	load := c.StartLoad("default", "client", "http://web/hostname")

	t.Run("ADeadNodeIsNotReadyAndItsPodsRunElsewhere", func(t *testing.T) {
		c := c.In(t)
		c.Kube("node", "kill", "node-2", "--name", c.Name)
		killed := time.Now()
		c.Wait(time.Minute, "node-2 to be NotReady", func() bool { return ready(c, "node-2") == "Unknown" })
		t.Logf("NotReady after %s", time.Since(killed).Round(100*time.Millisecond))
		c.Wait(time.Minute, "three pods on the nodes that are left", func() bool {
			return slices.Equal(unique(readyOn(c)), []string{"node-1", "node-3"}) && len(readyOn(c)) == 3
		})
		t.Logf("replaced after %s", time.Since(killed).Round(100*time.Millisecond))
		unavoidable := load.WaitForEach(strings.Fields(c.Kubectl("get", "pods", "-l", "app=web", "-o",
			`jsonpath={range .items[?(@.spec.nodeName!="node-2")]}{.metadata.name} {end}`)))
		load.Wait(100)
		_, failures := load.Stop()
		// Until the node counts as lost, one connection in three goes to a pod that is not there any more: it waits
		// for the client's five seconds, or until the node's address cannot be resolved.
		if lost := clustertest.NotRefused(unavoidable); len(lost) > 10 {
			t.Errorf("%d requests failed, want no more than those of the first seconds: %q", len(lost), lost)
		}
		if len(failures) > len(unavoidable) {
			t.Errorf("requests failed after the pods were replaced: %q", failures[len(unavoidable):])
		}
	})

	t.Run("ANodeThatReturnsIsReadyAndClearsAwayWhatRanOnIt", func(t *testing.T) {
		c := c.In(t)
		c.Kube("node", "start", "node-2", "--name", c.Name)
		c.Wait(time.Minute, "node-2 to be Ready", func() bool { return ready(c, "node-2") == "True" })
		c.Wait(time.Minute, "the lost pod to be gone", func() bool {
			return !strings.Contains(c.Kubectl("get", "pods", "-o", "name"), lost)
		})
		c.WaitReady("default", "app=web", 3)
		c.Wait(time.Minute, "its taints to be gone", func() bool {
			return c.Kubectl("get", "node", "node-2", "-o", "jsonpath={.spec.taints}") == ""
		})
		if left := clustertest.Processes("/kubelab/"+c.Name+"/node-2", "httpd"); len(left) > 0 {
			t.Errorf("processes %v of the lost pod still run on node-2", left)
		}
	})

	t.Run("ACordonedNodeGetsNoNewPods", func(t *testing.T) {
		c := c.In(t)
		c.Kubectl("cordon", "node-1")
		c.Kubectl("cordon", "node-3")
		c.Kubectl("scale", "deployment/web", "--replicas=6")
		c.WaitReady("default", "app=web", 6)
		if on := spread(c); count(on, "node-2") != 3 {
			t.Errorf("the pods are on %v, want the three new ones on node-2", on)
		}
		if table := c.Kubectl("get", "nodes"); strings.Count(table, "Ready,SchedulingDisabled") != 2 {
			t.Errorf("kubectl get nodes does not say that two are cordoned:\n%s", table)
		}
		c.Kubectl("uncordon", "node-1", "node-3")
	})

	t.Run("ADrainedNodeIsLeftByItsPodsAndOnlyByThose", func(t *testing.T) {
		c := c.In(t)
		c.Kubectl("drain", "node-3", "--timeout=90s")
		c.WaitReady("default", "app=web", 6)
		if on := spread(c); count(on, "node-3") != 0 {
			t.Errorf("the pods are on %v, want none on node-3", on)
		}
		if out, err := c.Try("kubectl", "drain", "node-1", "--timeout=90s"); err == nil || !strings.Contains(out, "declare no controller") {
			t.Errorf("the client on node-1 would not come back, but drain says only %q", out)
		}
		c.Kubectl("uncordon", "node-1", "node-3")
	})

	t.Run("AFourthNodeTakesPods", func(t *testing.T) {
		c := c.In(t)
		c.Kube("node", "add", "--name", c.Name)
		c.Wait(time.Minute, "node-4 to be Ready", func() bool {
			condition, err := c.Try("kubectl", "get", "node", "node-4", "-o", `jsonpath={.status.conditions[?(@.type=="Ready")].status}`)
			return err == nil && condition == "True"
		})
		c.Kubectl("scale", "deployment/web", "--replicas=12")
		c.WaitReady("default", "app=web", 12)
		if on := spread(c); count(on, "node-4") == 0 {
			t.Errorf("the pods are on %v, want some on node-4", on)
		}
		there := podOn(c, "node-4")
		load := c.StartLoad("default", "client", "http://web/hostname")
		c.Wait(time.Minute, "the answer of a pod on node-4", func() bool {
			answers, _ := load.Answers()
			return answers[there] > 0
		})
		load.Stop()
	})
}

// spread is the nodes of the pods of web, sorted, one for each pod.
func spread(c *clustertest.Cluster) []string {
	names := strings.Fields(c.Kubectl("get", "pods", "-l", "app=web", "-o", "jsonpath={.items[*].spec.nodeName}"))
	slices.Sort(names)
	return names
}

// readyOn are the nodes of those that are ready and stay.
func readyOn(c *clustertest.Cluster) []string {
	var names []string
	for _, line := range strings.Split(c.Kubectl("get", "pods", "-l", "app=web", "-o",
		`jsonpath={range .items[*]}{.spec.nodeName} {.status.conditions[?(@.type=="Ready")].status} {.metadata.deletionTimestamp}{"\n"}{end}`), "\n") {
		if words := strings.Fields(line); len(words) == 2 && words[1] == "True" {
			names = append(names, words[0])
		}
	}
	slices.Sort(names)
	return names
}

func podOn(c *clustertest.Cluster, node string) string {
	return strings.Fields(c.Kubectl("get", "pods", "-l", "app=web", "--field-selector=spec.nodeName="+node,
		"-o", "jsonpath={.items[*].metadata.name}"))[0]
}

func ready(c *clustertest.Cluster, node string) string {
	return c.Kubectl("get", "node", node, "-o", `jsonpath={.status.conditions[?(@.type=="Ready")].status}`)
}

func unique(sorted []string) []string { return slices.Compact(slices.Clone(sorted)) }

func count(names []string, name string) (n int) {
	for _, each := range names {
		if each == name {
			n++
		}
	}
	return n
}
