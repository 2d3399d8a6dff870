package clustertest

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Processes are the ids of the processes whose cgroup's path contains the text and whose command line begins with
// the given words. They are found in /proc, from outside of every namespace.
func Processes(inCgroup string, words ...string) []int {
	var found []int
	folders, _ := filepath.Glob("/proc/[0-9]*") // the pattern is valid
	for _, folder := range folders {
		cgroups, err := os.ReadFile(filepath.Join(folder, "cgroup"))
		if err != nil || !strings.Contains(string(cgroups), inCgroup) {
			continue
		}
		line, err := os.ReadFile(filepath.Join(folder, "cmdline"))
		if err != nil || !strings.Contains(strings.ReplaceAll(string(line), "\x00", " "), strings.Join(words, " ")) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(folder)); err == nil {
			found = append(found, pid)
		}
	}
	return found
}

// KillContainer kills every process in the containers of a pod, as kill -9 does.
func (c *Cluster) KillContainer(namespace, pod string) {
	c.T.Helper()
	uid := c.Kubectl("get", "pod", pod, "-n", namespace, "-o", "jsonpath={.metadata.uid}")
	victims := Processes("pod" + uid)
	if len(victims) == 0 {
		c.T.Fatalf("pod %s has no process", pod)
	}
	for _, pid := range victims {
		command, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
		if name := strings.TrimSpace(string(command)); err == nil && name != "kube-shim" && name != "pause" {
			_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended by itself
		}
	}
}

// KillComponent kills a component of this cluster on every host that it runs on, as kill -9 does.
func (c *Cluster) KillComponent(name string) {
	c.T.Helper()
	c.kill(name, Processes("/kubelab/"+c.Name+"/", "kube", name))
}

// KillSupervisor kills the process that keeps the hosts alive, as kill -9 does.
func (c *Cluster) KillSupervisor() {
	c.T.Helper()
	c.kill("the supervisor", Processes("", "kube", "supervise", "--name", c.Name))
}

func (c *Cluster) kill(name string, victims []int) {
	c.T.Helper()
	if len(victims) == 0 {
		c.T.Fatalf("no process of %s is there to be killed", name)
	}
	for _, pid := range victims {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			c.T.Errorf("kill %s (pid %d): %v", name, pid, err)
		}
	}
}
