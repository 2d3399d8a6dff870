package deployments_test

import (
	"strings"
	"testing"
	"time"

	"kubelab/kube/cluster/clustertest"
)

// web never has a pod less than wanted. For no request to fail, each pod must also do its part: serve from the
// moment when it counts as ready, and go on serving for a while after it was told to end, for the news that
// it ends has a way to go to each node's rules. That is what the shell in front of httpd is for.
const web = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  strategy: {rollingUpdate: {maxUnavailable: 0, maxSurge: 1}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 20
      containers:
      - name: web
        image: busybox
        command: [sh, -c, "trap 'sleep 2; kill $!' TERM; httpd -f -p 8080 -h /etc & wait; wait"]
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

func TestARollingUpdateUnderLoad(t *testing.T) {
	c := clustertest.Start(t)
	c.Apply(web)
	c.WaitReady("default", "app=web", 3)
	c.Kubectl("wait", "--for=condition=Ready", "pod/client", "--timeout=60s")
	first := template(c)

	for _, change := range []struct {
		name    string
		command []string
	}{
		{"RequestsAreAnsweredWhileTheEnvironmentChanges", []string{"set", "env", "deployment/web", "COLOUR=blue"}},
		{"RequestsAreAnsweredWhileTheImageChanges", []string{"set", "image", "deployment/web", "web=busybox:latest"}},
	} {
		t.Run(change.name, func(t *testing.T) {
			c := c.In(t)
			before := names(c)
			load := c.StartLoad("default", "client", "http://web/hostname")
			c.Kubectl(change.command...)
			c.Kubectl("rollout", "status", "deployment/web", "--timeout=90s")
			c.WaitReady("default", "app=web", 3)
			starting := load.WaitForEach(names(c)) // new pods, which are asked before they listen
			load.Wait(60)
			answers, failures := load.Stop()
			t.Logf("%v answers, %d refused", answers, len(starting))
			if lost := clustertest.NotRefused(failures); len(lost) > 0 {
				t.Errorf("%d requests failed: %q", len(lost), lost)
			}
			if len(failures) > len(starting) {
				t.Errorf("requests failed though all pods listened: %q", failures[len(starting):])
			}
			for _, pod := range names(c) {
				if strings.Contains(strings.Join(before, " "), pod) || answers[pod] == 0 {
					t.Errorf("pod %s is not new or never answered: before %v, answers %v", pod, before, answers)
				}
			}
		})
	}

	t.Run("UndoBringsTheTemplateBefore", func(t *testing.T) {
		c := c.In(t)
		c.Kubectl("rollout", "undo", "deployment/web", "--to-revision=1")
		c.Kubectl("rollout", "status", "deployment/web", "--timeout=90s")
		if back := template(c); back != first {
			t.Errorf("the template is\n%s\nwant the first\n%s", back, first)
		}
		if revision := c.Kubectl("get", "deployment", "web", "-o", `jsonpath={.metadata.annotations.deployment\.kubernetes\.io/revision}`); revision != "4" {
			t.Errorf("the template that came back is revision %s, want 4: the newest", revision)
		}
		c.WaitReady("default", "app=web", 3)
	})

	t.Run("AnImageThatDoesNotExistStopsTheUpdateAndTheOldPodsServe", func(t *testing.T) {
		c := c.In(t)
		before := names(c)
		load := c.StartLoad("default", "client", "http://web/hostname")
		c.Kubectl("set", "image", "deployment/web", "web=registry.invalid/no/such:1")
		c.Wait(time.Minute, "one pod to wait for its image", func() bool {
			return strings.Contains(c.Kubectl("get", "pods", "-l", "app=web"), "ImagePullBackOff")
		})
		load.Wait(60)
		if _, failures := load.Stop(); len(failures) > 0 {
			t.Errorf("%d requests failed: %q", len(failures), failures)
		}
		after := names(c)
		if len(after) != 4 {
			t.Errorf("the pods are %v, want the three old and one new", after)
		}
		for _, pod := range before {
			if !strings.Contains(strings.Join(after, " "), pod) {
				t.Errorf("pod %s is gone, and nothing that works took its place", pod)
			}
		}
		if out, err := c.Try("kubectl", "rollout", "status", "deployment/web", "--timeout=1s"); err == nil {
			t.Errorf("the update counts as finished: %s", out)
		}
		c.Kubectl("rollout", "undo", "deployment/web")
		c.WaitReady("default", "app=web", 3)
		if strings.Join(names(c), " ") != strings.Join(before, " ") {
			t.Errorf("after undo the pods are %v, want the old ones, untouched: %v", names(c), before)
		}
	})
}

func template(c *clustertest.Cluster) string {
	return c.Kubectl("get", "deployment", "web", "-o", "jsonpath={.spec.template.spec.containers}")
}

func names(c *clustertest.Cluster) []string {
	return strings.Fields(c.Kubectl("get", "pods", "-l", "app=web", "-o", "jsonpath={.items[*].metadata.name}"))
}
