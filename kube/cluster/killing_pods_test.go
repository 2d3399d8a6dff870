package cluster_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kubelab/kube/cluster/clustertest"
)

// filled is a pod with a probe of each kind and a volume of each, one of which a container sees in part.
const filled = `
apiVersion: v1
kind: Pod
metadata: {name: web-%d, labels: {app: web, half: half-%d}}
spec:
  terminationGracePeriodSeconds: 5
  containers:
  - name: web
    image: busybox
    command: [sh, -c, "trap 'exit 0' TERM; echo ok > /www/index.html; httpd -f -p 8080 -h /www & wait"]
    startupProbe: {periodSeconds: 1, failureThreshold: 60, timeoutSeconds: 10, exec: {command: [test, -e, /www/index.html]}}
    readinessProbe: {periodSeconds: 1, failureThreshold: 60, timeoutSeconds: 10, httpGet: {port: 8080, path: /}}
    livenessProbe: {periodSeconds: 1, failureThreshold: 60, timeoutSeconds: 10, tcpSocket: {port: 8080}}
    volumeMounts:
    - {name: disk, mountPath: /www, subPath: www}
    - {name: memory, mountPath: /memory}
    - {name: settings, mountPath: /settings}
    - {name: password, mountPath: /password}
    - {name: about, mountPath: /about}
  volumes:
  - {name: disk, emptyDir: {}}
  - {name: memory, emptyDir: {medium: Memory, sizeLimit: 1Mi}}
  - {name: settings, configMap: {name: settings}}
  - {name: password, secret: {secretName: password}}
  - {name: about, downwardAPI: {items: [{path: name, fieldRef: {fieldPath: metadata.name}}]}}
---
`

// filledPods is how many of them there are. 50 take half as long again.
const filledPods = 20

func TestPodsWithProbesAndVolumesOutliveTheirKubeletAndRuntimeAndLeaveNothing(t *testing.T) {
	c := clustertest.Start(t, "--nodes", "1")
	c.Kubectl("create", "configmap", "settings", "--from-literal=colour=blue")
	c.Kubectl("create", "secret", "generic", "password", "--from-literal=word=open")
	var manifests strings.Builder
	for i := range filledPods {
		fmt.Fprintf(&manifests, filled, i, i%2)
	}
	c.Apply(manifests.String())
	c.WaitReady("default", "app=web", filledPods)
	before := lives(c, "app=web")

	killBoth(c)
	c.WaitReady("default", "app=web", filledPods)
	if after := lives(c, "app=web"); after != before {
		t.Errorf("pods were restarted:\nbefore\n%s\nafter\n%s", before, after)
	}

	stay := lives(c, "half=half-1")
	c.Kubectl("delete", "pod", "-l", "half=half-0", "--wait=false")
	killBoth(c) // in the middle of it
	c.Wait(60*time.Second, "half of the pods to be gone", func() bool { return lives(c, "half=half-0") == "" })
	c.WaitReady("default", "half=half-1", filledPods/2)
	if now := lives(c, "half=half-1"); now != stay {
		t.Errorf("pods that stay were restarted:\nbefore\n%s\nafter\n%s", stay, now)
	}

	killBoth(c)
	c.Kubectl("delete", "pod", "-l", "app=web", "--force", "--grace-period=0", "--wait=false") // while nobody is there
	var left []string
	defer func() {
		if t.Failed() {
			t.Logf("left are %.3000q", left)
		}
	}()
	c.Wait(60*time.Second, "nothing to be left of the pods", func() bool { left = remains(c); return len(left) == 0 })
}

// lives are the containers of pods: since when they run, and how often they were restarted.
func lives(c *clustertest.Cluster, selector string) string {
	c.T.Helper()
	return c.Kubectl("get", "pods", "-l", selector, "-o", `jsonpath={range .items[*]}{.metadata.name} `+
		`{.status.containerStatuses[0].state.running.startedAt} {.status.containerStatuses[0].restartCount}{"\n"}{end}`)
}

func killBoth(c *clustertest.Cluster) {
	c.T.Helper()
	c.KillComponent("kubelet")
	c.KillComponent("runtime")
}

// remains are what a node has of pods: mounts, files, cgroups (in which all processes are).
func remains(c *clustertest.Cluster) (found []string) {
	c.T.Helper()
	kubelets := clustertest.Processes("/kubelab/"+c.Name+"/", "kube", "kubelet")
	if len(kubelets) != 1 {
		return []string{"no kubelet"}
	}
	mounts, err := os.ReadFile(fmt.Sprintf("/proc/%d/mountinfo", kubelets[0]))
	if err != nil {
		return []string{err.Error()} // it has just been killed
	}
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, "/kubelet/pods/") || strings.Contains(line, "/runtime/pods/") {
			found = append(found, line)
		}
	}
	for _, pattern := range []string{
		filepath.Join(c.DataDir, "hosts/*/kubelet/*/*"), filepath.Join(c.DataDir, "hosts/*/runtime/pods/*"),
		"/sys/fs/cgroup/kubelab/" + c.Name + "/*/pods/*/pod?*-*", "/sys/fs/cgroup/*/kubelab/" + c.Name + "/*/pods/*/pod?*-*",
	} {
		paths, _ := filepath.Glob(pattern) // the patterns are valid
		found = append(found, paths...)
	}
	return found
}
