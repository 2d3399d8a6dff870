package cluster_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"kubelab/kube/cluster/clustertest"
)

// underLoad is a service of three pods, a client that asks it without end by its address and notes each answer, a
// pod that counts, and one that ends with a code of its own while others are being killed.
const underLoad = `
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  clusterIP: 10.96.0.80
  selector: {app: web}
  ports: [{port: 80, targetPort: 8080}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - name: web
        image: busybox
        command: [sh, -c, "mkdir /www; hostname > /www/index.html; exec httpd -f -p 8080 -h /www"]
`

const observers = `
apiVersion: v1
kind: Pod
metadata: {name: client, labels: {app: observer}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: client
    image: busybox
    command: [sh, -c, "while true; do timeout 5 wget -qO /dev/null http://10.96.0.80 && echo ok || echo FAILED; done"]
---
apiVersion: v1
kind: Pod
metadata: {name: counter, labels: {app: observer}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: counter
    image: busybox
    command: [sh, -c, "i=0; while true; do echo $i; i=$((i+1)); usleep 5000; done"]
`

const ending = `
apiVersion: v1
kind: Pod
metadata: {name: ending}
spec:
  restartPolicy: Never
  containers: [{name: main, image: busybox, command: [sh, -c, "sleep 2; echo the end; exit 7"]}]
`

func TestWhateverProcessIsKilledNothingIsLost(t *testing.T) {
	c := clustertest.Start(t)
	c.Apply(underLoad)
	c.WaitReady("default", "app=web", 3)
	c.Apply(observers)
	c.WaitReady("default", "app=observer", 2)
	before := restarts(c)

	var acknowledged []string
	for i, victim := range []string{"etcd", "apiserver", "scheduler", "controllers", "kubelet", "runtime", "proxy", "dns", "forward"} {
		if victim == "kubelet" {
			c.Apply(ending) // it ends while its kubelet, or its runtime, is away
			c.Wait(20*time.Second, "the pod that will end", func() bool {
				return c.Kubectl("get", "pod", "ending", "-o", "jsonpath={.status.phase}") == "Running"
			})
		}
		name := fmt.Sprintf("written-%d", i)
		c.Kubectl("create", "configmap", name, "--from-literal=before="+victim)
		acknowledged = append(acknowledged, "configmap/"+name)
		c.KillComponent(victim)
		c.Wait(30*time.Second, "the cluster to be whole after the death of "+victim, func() bool {
			nodes, err := c.Try("kubectl", "get", "nodes", "--no-headers")
			return err == nil && strings.Count(nodes, " Ready ") == 3 && len(clustertest.Processes("/kubelab/"+c.Name+"/", "kube", victim)) > 0
		})
	}
	c.KillSupervisor()
	c.Up() // what takes the cluster over again, and starts nothing anew

	if after := restarts(c); after != before {
		t.Errorf("pods were restarted:\nbefore\n%s\nafter\n%s", before, after)
	}
	for _, object := range acknowledged {
		if _, err := c.Try("kubectl", "get", object); err != nil {
			t.Errorf("%s was acknowledged and is lost", object)
		}
	}
	c.Wait(30*time.Second, "the pod that ended to be known as ended", func() bool {
		return c.Kubectl("get", "pod", "ending", "-o", "jsonpath={.status.phase}") == "Failed"
	})
	if code := c.Kubectl("get", "pod", "ending", "-o", "jsonpath={.status.containerStatuses[0].state.terminated.exitCode}"); code != "7" {
		t.Errorf("the exit code is %s, want 7", code)
	}
	if said := c.Kubectl("logs", "ending"); said != "the end" {
		t.Errorf("the pod that ended said %q", said)
	}
	checkCounter(t, c.Kubectl("logs", "counter"))
	answers := strings.Fields(c.Kubectl("logs", "client"))
	if failed := strings.Count(strings.Join(answers, " "), "FAILED"); failed > 0 || len(answers) < 100 {
		t.Errorf("%d of %d requests to the service failed", failed, len(answers))
	}
}

// restarts are the names of the pods that stay, with their addresses and how often they were restarted.
func restarts(c *clustertest.Cluster) string {
	c.T.Helper()
	return c.Kubectl("get", "pods", "-l", "app in (web,observer)", "-o",
		`jsonpath={range .items[*]}{.metadata.name} {.status.podIP} {.status.containerStatuses[0].restartCount}{"\n"}{end}`)
}

// checkCounter requires every number from 0 on.
func checkCounter(t *testing.T, log string) {
	t.Helper()
	lines := strings.Fields(log)
	for i, line := range lines {
		if line != fmt.Sprint(i) {
			t.Errorf("line %d of the log is %q: lines are lost or double", i, line)
			return
		}
	}
	if len(lines) < 100 {
		t.Errorf("the log has %d lines only", len(lines))
	}
}
