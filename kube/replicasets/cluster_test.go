package replicasets_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"kubelab/kube/cluster/clustertest"
)

// web is a replica set of three pods that answer with their own name, its service, and a client.
const web = `
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
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
  terminationGracePeriodSeconds: 0
  containers: [{name: client, image: busybox, command: [sleep, "1000000"]}]
`

// fourth is a pod that nobody owns and that looks like the three.
const fourth = `
apiVersion: v1
kind: Pod
metadata: {name: fourth, labels: {app: web}}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{name: web, image: busybox, command: [httpd, -f, -p, "8080", -h, /etc]}]
`

func TestThreePodsStayThree(t *testing.T) {
	c := clustertest.Start(t)
	c.Apply(web)
	c.WaitReady("default", "app=web", 3)
	c.Kubectl("wait", "--for=condition=Ready", "pod/client", "--timeout=60s")

	t.Run("ADeletedPodIsReplacedByANewOne", func(t *testing.T) {
		c := c.In(t)
		before := pods(c)
		c.Kubectl("delete", "pod", before[0])
		c.WaitReady("default", "app=web", 3)
		after := pods(c)
		if slices.Contains(after, before[0]) || !slices.Contains(after, before[1]) || !slices.Contains(after, before[2]) {
			t.Errorf("%v became %v, want the last two and one new pod", before, after)
		}
	})

	t.Run("AKilledProcessStartsAgainInTheSamePodWhileTheOthersAnswer", func(t *testing.T) {
		c := c.In(t)
		before := pods(c)
		load := c.StartLoad("default", "client", "http://web/hostname")
		c.KillContainer("default", before[0])
		c.Wait(time.Minute, "the restart", func() bool { return restarts(c, before[0]) == "1" })
		c.WaitReady("default", "app=web", 3)
		unavoidable := load.WaitForEach(before)
		load.Wait(100)
		answers, failures := load.Stop()
		if after := pods(c); !slices.Equal(after, before) {
			t.Errorf("%v became %v, want the same pods", before, after)
		}
		// A kill announces itself to nobody. Until the news has gone from the shim by runtime, kubelet, API server and
		// endpoint slice to the rules of the client's node, every third connection is refused, and one that was open
		// is cut. That takes some tens of milliseconds, a handful of this client's requests. Nothing fails later.
		if len(unavoidable) > 40 {
			t.Errorf("%d requests failed, want no more than the few of the moment: %q", len(unavoidable), unavoidable)
		}
		if len(failures) > len(unavoidable) {
			t.Errorf("requests failed when all pods were ready again: %q", failures[len(unavoidable):])
		}
		t.Logf("%v answers, %d failures", answers, len(failures))
		for _, pod := range before {
			if answers[pod] == 0 {
				t.Errorf("pod %s answered no request: %v", pod, answers)
			}
		}
	})

	t.Run("AFourthPodThatNobodyOwnsIsAdoptedAndOneOfTheFourGoes", func(t *testing.T) {
		c := c.In(t)
		c.Apply(fourth)
		c.Wait(time.Minute, "the surplus to be removed", func() bool {
			return strings.Contains(c.Kubectl("get", "events", "--field-selector=involvedObject.kind=ReplicaSet"), "Deleted pod")
		})
		c.WaitReady("default", "app=web", 3)
		for _, pod := range pods(c) {
			if owner := c.Kubectl("get", "pod", pod, "-o", "jsonpath={.metadata.ownerReferences[*].name}"); owner != "web" {
				t.Errorf("pod %s belongs to %q, want web", pod, owner)
			}
		}
	})

	t.Run("APodWhoseLabelsChangeIsReleasedAndReplaced", func(t *testing.T) {
		c := c.In(t)
		before := pods(c)
		c.Kubectl("label", "pod", before[0], "app=under-study", "--overwrite")
		c.WaitReady("default", "app=web", 3)
		c.WaitReady("default", "app=under-study", 1)
		c.Wait(time.Minute, "its release", func() bool {
			return c.Kubectl("get", "pod", before[0], "-o", "jsonpath={.metadata.ownerReferences}") == ""
		})
		c.Kubectl("delete", "rs", "web")
		c.WaitReady("default", "app=web", 0)
		if left := c.Kubectl("get", "pods", "-l", "app=under-study", "-o", "name"); left != "pod/"+before[0] {
			t.Errorf("%q is left, want the released pod", left)
		}
	})
}

// pods are the names of the pods of web, sorted.
func pods(c *clustertest.Cluster) []string {
	return strings.Fields(c.Kubectl("get", "pods", "-l", "app=web", "-o", "jsonpath={.items[*].metadata.name}"))
}

func restarts(c *clustertest.Cluster, pod string) string {
	return c.Kubectl("get", "pod", pod, "-o", "jsonpath={.status.containerStatuses[0].restartCount}")
}
