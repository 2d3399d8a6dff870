package clustertest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Traces lists all that the machine still has of a cluster: processes, mounts, interfaces, cgroups, rules, files. After kube
// down there is none.
func Traces(name, dataDir string) []string {
	var found []string
	for _, pid := range append(Processes("/kubelab/"+name+"/"), Processes("", dataDir)...) {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if len(line) > 0 { // else it has ended, and init has not taken note of it yet
			found = append(found, fmt.Sprintf("process %d: %.200s", pid, strings.ReplaceAll(string(line), "\x00", " ")))
		}
	}
	mounts, _ := os.ReadFile("/proc/self/mountinfo") // /proc is always there
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, " /run/kubelab/"+name+"/") || strings.Contains(line, " "+dataDir+"/") {
			found = append(found, "mount: "+strings.TrimSpace(line))
		}
	}
	for what, pattern := range map[string]string{
		"interface": "/sys/class/net/*/ifalias",
		"cgroup":    "/sys/fs/cgroup/kubelab/" + name,
		"cgroup v1": "/sys/fs/cgroup/*/kubelab/" + name,
		"scope":     "/sys/fs/cgroup/*/kubelab-" + name + ".scope",
		"state":     "/run/kubelab/" + name,
		"data":      dataDir,
	} {
		paths, _ := filepath.Glob(pattern) // the patterns are valid
		for _, path := range paths {
			if what == "interface" {
				note, _ := os.ReadFile(path)
				if !strings.HasSuffix(strings.TrimSpace(string(note)), " "+name) {
					continue
				}
			}
			found = append(found, what+": "+path)
		}
	}
	tables, _ := exec.Command("nft", "list", "tables").Output() // no nft, no tables
	if strings.Contains(string(tables), "kubelab-"+name+"\n") {
		found = append(found, "rules: table kubelab-"+name)
	}
	return found
}
