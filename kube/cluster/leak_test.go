//go:build linux

package cluster_test

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kubelab/kube/cluster/clustertest"
)

const hundred = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: many}
spec:
  replicas: 0
  selector: {matchLabels: {app: many}}
  template:
    metadata: {labels: {app: many}}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{name: main, image: busybox, command: [sleep, "1000000"]}]
---
apiVersion: v1
kind: Service
metadata: {name: many}
spec:
  selector: {app: many}
  ports: [{port: 80}]
`

func TestAfterAHundredPodsCameAndWentNothingIsLeft(t *testing.T) {
	c := clustertest.Start(t)
	c.Apply(hundred)
	c.Kubectl("scale", "deployment/many", "--replicas=3") // what the first pods make once, such as caches, is no leak
	c.WaitReady("default", "app=many", 3)
	c.Kubectl("scale", "deployment/many", "--replicas=0")
	c.WaitReady("default", "app=many", 0)
	c.Wait(30*time.Second, "the first pods' remains to go", func() bool {
		return !slices.ContainsFunc(cgroups(c.Name), func(path string) bool { return strings.Contains(path, "/besteffort/pod") })
	})
	before := clusterHas(t, c)
	for range 4 {
		c.Kubectl("scale", "deployment/many", "--replicas=25")
		c.WaitReady("default", "app=many", 25)
		c.Kubectl("scale", "deployment/many", "--replicas=0")
		c.WaitReady("default", "app=many", 0)
	}
	after := clusterHas(t, c)
	for deadline := time.Now().Add(15 * time.Second); !cmp.Equal(before, after) && time.Now().Before(deadline); {
		after = clusterHas(t, c) // the kernel takes network namespaces apart in its own time
	}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("left behind (-before +after):\n%s", diff)
	}
	leg := "kubelab" + strings.Split(c.Kubectl("get", "node", "node-1", "-o", "jsonpath={.status.addresses[0].address}"), ".")[2]
	c.Down()
	if left := onMachine(t, c, leg); len(left) > 0 {
		t.Errorf("after kube down the machine still has\n%s", strings.Join(left, "\n"))
	}
}

// clusterHas lists what a cluster keeps in the kernel and on disk, with nothing that only grows: logs, records.
func clusterHas(t *testing.T, c *clustertest.Cluster) map[string][]string {
	t.Helper()
	found := map[string][]string{"cgroups": cgroups(c.Name)}
	for _, pid := range clustertest.Processes("/kubelab/" + c.Name + "/") {
		if line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err == nil && len(line) > 0 { // else it has just ended
			words := strings.Split(string(line), "\x00")
			if words[0] == "nft" { // a proxy's look at its table
				continue
			}
			found["processes"] = append(found["processes"], strings.Join(words[:min(2, len(words))], " "))
		}
	}
	for _, node := range []string{"node-1", "node-2", "node-3"} {
		kubelet := clustertest.Processes("/kubelab/"+c.Name+"/"+node+"/", "kube", "kubelet")
		if len(kubelet) != 1 {
			t.Errorf("%s has %d kubelets", node, len(kubelet))
			continue
		}
		proc := fmt.Sprintf("/proc/%d", kubelet[0])
		found[node+" mounts"] = column(t, proc+"/mountinfo", 4)
		found[node+" interfaces"] = column(t, proc+"/net/dev", 0)
		found[node+" files"] = files(filepath.Join(c.DataDir, "hosts", node))
	}
	for _, list := range found {
		slices.Sort(list)
	}
	return found
}

// onMachine lists what the machine itself has of a cluster. leg is its interface in the cluster's network. Other
// clusters may come and go meanwhile; that nothing else is touched is shown on an empty machine.
func onMachine(t *testing.T, c *clustertest.Cluster, leg string) []string {
	t.Helper()
	tables, err := exec.Command("nft", "list", "tables").Output()
	if err != nil {
		t.Error(err)
	}
	all := slices.Concat(strings.Split(string(tables), "\n"), cgroups(c.Name), files("/run/kubelab"),
		column(t, "/proc/net/dev", 0), column(t, "/proc/self/mountinfo", 4), files(c.DataDir))
	for _, pid := range clustertest.Processes("", c.DataDir) {
		all = append(all, fmt.Sprintf("process %d of %s", pid, c.Name))
	}
	return slices.DeleteFunc(all, func(line string) bool {
		return line != leg && !strings.Contains(line, c.Name)
	})
}

// cgroups are the cgroups of a cluster in the hierarchies of v1 or in the one of v2.
func cgroups(cluster string) []string {
	var found []string
	for _, pattern := range []string{"/sys/fs/cgroup/kubelab/", "/sys/fs/cgroup/*/kubelab/"} {
		roots, _ := filepath.Glob(pattern + cluster)
		for _, root := range roots {
			_ = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
				if err == nil && entry.IsDir() {
					found = append(found, path)
				}
				return nil // what goes away meanwhile is no leak
			})
		}
	}
	slices.Sort(found)
	return found
}

// files are the files below a folder but for logs and records.
func files(folder string) []string {
	var found []string
	_ = filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return nil // what goes away meanwhile is no leak
		}
		if name := entry.Name(); entry.IsDir() && (name == "log" || name == "images") || strings.Contains(name, "journal") {
			if entry.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		found = append(found, path)
		return nil
	})
	slices.Sort(found)
	return found
}

// column is one column of a table in /proc.
func column(t *testing.T, path string, n int) []string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Error(err)
	}
	var found []string
	for _, line := range strings.Split(strings.TrimSpace(string(content)), "\n") {
		if fields := strings.Fields(line); len(fields) > n {
			found = append(found, strings.TrimSuffix(fields[n], ":"))
		}
	}
	slices.Sort(found)
	return found
}
