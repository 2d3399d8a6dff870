package services_test

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"kubelab/kube/cluster/clustertest"
)

// web is a deployment whose pods answer with their own name, its service, and a client.
const web = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: %d
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: web
        image: busybox
        command: [sh, -c, "mkdir /www; hostname > /www/index.html; exec httpd -f -p 8080 -h /www"]
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

// alone is a pod of a node, and the service that leads to this pod only.
const alone = `
apiVersion: v1
kind: Pod
metadata: {name: on-%[1]s, labels: {on: %[1]s}}
spec:
  nodeName: %[1]s
  terminationGracePeriodSeconds: 0
  containers:
  - name: web
    image: busybox
    command: [sh, -c, "mkdir /www; hostname > /www/index.html; exec httpd -f -p 8080 -h /www"]
---
apiVersion: v1
kind: Service
metadata: {name: at-%[1]s}
spec:
  selector: {on: %[1]s}
  ports: [{port: 80, targetPort: 8080}]
`

func TestAServiceInACluster(t *testing.T) {
	c := clustertest.Start(t, "--pod-cidr", "10.200.0.0/16", "--service-cidr", "198.19.8.0/21")
	c.Apply(fmt.Sprintf(web, 3))
	c.WaitReady("default", "app=web", 3)
	c.Kubectl("wait", "--for=condition=Ready", "pod/client", "--timeout=30s")

	t.Run("ANameReachesAllPodsAcrossNodes", func(t *testing.T) {
		nodes := strings.Fields(c.Kubectl("get", "pods", "-l", "app=web", "-o", "jsonpath={.items[*].spec.nodeName}"))
		if len(unique(nodes)) != 3 {
			t.Errorf("three pods are on %v, want three nodes", nodes)
		}
		if answers := ask(c, 60); len(answers) != 3 {
			t.Errorf("60 requests reached %v, want 3 pods", answers)
		}
	})

	t.Run("AllAddressesAreOfTheRangesThatWereChosen", func(t *testing.T) {
		if kubernetes := c.Kubectl("get", "service", "kubernetes", "-o", "jsonpath={.spec.clusterIP}"); kubernetes != "198.19.8.1" {
			t.Errorf("the API server has the address %s, want the first of the services", kubernetes)
		}
		for what, ip := range map[string]string{
			"198.19.8.0/21": c.Kubectl("get", "service", "web", "-o", "jsonpath={.spec.clusterIP}"),
			"10.200.0.0/16": c.Kubectl("get", "pod", "client", "-o", "jsonpath={.status.podIP}"),
		} {
			if !netip.MustParsePrefix(what).Contains(netip.MustParseAddr(ip)) {
				t.Errorf("got %s, want one of %s", ip, what)
			}
		}
		if file := c.Kubectl("exec", "client", "--", "cat", "/etc/resolv.conf"); !strings.Contains(file, "nameserver 198.19.8.10") {
			t.Errorf("a pod asks another name server:\n%s", file)
		}
		for flag, value := range map[string]string{"--service-cidr": "10.96.0.0/16", "--port": "1"} {
			out, err := c.Try("kube", "up", "--detach", "--data-dir", c.DataDir, "--name", c.Name, flag, value)
			if err == nil || !strings.Contains(out, flag+" "+value) {
				t.Errorf("kube up %s %s says %v: %s", flag, value, err, out)
			}
		}
	})

	t.Run("PodsOfEachNodeReachPodsOfEachNodeAndThemselves", func(t *testing.T) {
		nodes := []string{"node-1", "node-2", "node-3"}
		for _, node := range nodes {
			c.Apply(fmt.Sprintf(alone, node))
		}
		for _, from := range nodes {
			c.Kubectl("wait", "--for=condition=Ready", "pod/on-"+from, "--timeout=30s")
		}
		for _, from := range nodes {
			for _, to := range nodes {
				c.Wait(time.Minute, "an answer at "+to+" to "+from, func() bool {
					answer, err := c.Try("kubectl", "exec", "on-"+from, "--", "timeout", "2", "wget", "-qO-", "http://at-"+to)
					return err == nil && strings.TrimSpace(answer) == "on-"+to
				})
			}
		}
	})

	t.Run("ThirtyPodsAreAllReachedAndEvenly", func(t *testing.T) {
		c.Kubectl("scale", "deployment/web", "--replicas=30")
		c.WaitReady("default", "app=web", 30)
		const requests = 900
		var answers map[string]int
		c.Wait(30*time.Second, "the last endpoint to be reached", func() bool {
			answers = ask(c, requests)
			return len(answers) == 30
		})
		for pod, n := range answers {
			if n < 8 || n > 64 { // 30 are expected; the odds of either bound are below one in a million
				t.Errorf("pod %s got %d of %d requests", pod, n, requests)
			}
		}
	})

	t.Run("NoRequestIsLostWhileTheProxiesDieAndComeBack", func(t *testing.T) {
		load := c.StartLoad("default", "client", "http://web")
		c.KillComponent("proxy")
		load.Wait(100)
		if _, failures := load.Stop(); len(failures) > 0 {
			t.Errorf("%d requests failed, the first: %s", len(failures), failures[0])
		}
	})

	t.Run("ANodePortIsReachedFromTheMachineAtEveryNode", func(t *testing.T) {
		c.Kubectl("patch", "service/web", "-p", `{"spec":{"type":"NodePort"}}`)
		port := c.Kubectl("get", "service/web", "-o", "jsonpath={.spec.ports[0].nodePort}")
		nodes := strings.Fields(c.Kubectl("get", "nodes", "-o", `jsonpath={.items[*].status.addresses[?(@.type=="InternalIP")].address}`))
		if len(nodes) != 3 {
			t.Fatalf("the nodes are %v, want three", nodes)
		}
		for _, node := range nodes {
			c.Wait(time.Minute, "an answer at "+node, func() bool {
				answer, err := http.Get("http://" + net.JoinHostPort(node, port))
				if err != nil {
					return false
				}
				defer answer.Body.Close()
				return answer.StatusCode == http.StatusOK
			})
		}
	})

	t.Run("WithoutPodsItIsRefusedAtOnce", func(t *testing.T) {
		c.Kubectl("scale", "deployment/web", "--replicas=0")
		c.WaitReady("default", "app=web", 0)
		c.Wait(time.Minute, "the refusal", func() bool {
			start := time.Now()
			out, err := c.Try("kubectl", "exec", "client", "--", "timeout", "5", "wget", "-qO-", "http://web")
			return err != nil && strings.Contains(out, "Connection refused") && time.Since(start) < 2*time.Second
		})
	})
}

// ask sends requests from the client pod to the service by its name and counts who answered.
func ask(c *clustertest.Cluster, requests int) map[string]int {
	c.T.Helper()
	script := fmt.Sprintf("for i in $(seq %d); do timeout 5 wget -qO- http://web; done", requests)
	answers := map[string]int{}
	for _, name := range strings.Fields(c.Kubectl("exec", "client", "--", "sh", "-c", script)) {
		answers[name]++
	}
	return answers
}

func unique(texts []string) map[string]bool {
	set := map[string]bool{}
	for _, text := range texts {
		set[text] = true
	}
	return set
}
