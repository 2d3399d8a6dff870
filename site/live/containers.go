//go:build linux

package live

import (
	"bytes"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"kubelab/kube/cluster"
	"kubelab/kube/pods/cri"
	"kubelab/kube/trace"
)

// containers are those that run, by ID, with what does not change while they do.
type containers map[string]containerFact

// containerFact is what is told of a container that runs.
type containerFact struct {
	ID         string                   `json:"id"`
	PID        int                      `json:"pid"` // of its first process, as the machine counts
	Namespaces map[string]namespaceFact `json:"namespaces"`
	Cgroup     cgroupFact               `json:"cgroup"`
	Processes  []innerProcess           `json:"processes"`

	dirs []string // of its cgroup
}

type namespaceFact struct {
	Inode   uint64 `json:"inode"`
	Host    bool   `json:"host,omitempty"`    // it is that of the node
	Machine uint64 `json:"machine,omitempty"` // the inode of the machine's own, that is, of ours
}

type cgroupFact struct {
	Path  string            `json:"path"`
	Files map[string]string `json:"files"` // the limits
}

// innerProcess is a process of a container, with its number outside and inside.
type innerProcess struct {
	PID     int    `json:"pid"`
	Inner   int    `json:"inner"`
	Command string `json:"command"` // the program alone: an argument may be a secret
}

// maxProcesses is how many processes of one container are told.
const maxProcesses = 50

// look tells of all containers that run: those of the API's pods, and those that bare then finds.
func (c containers) look(spec cluster.Spec, list []cluster.Status, all map[trace.Ref]*corev1.Pod, bare func(known func(id string) bool) map[string]bareContainer) map[string]any {
	hosts := map[string]cluster.Status{}
	for _, host := range list {
		hosts[host.Name] = host
	}
	now, alive := map[string]any{}, map[string]bool{}
	for ref, pod := range all {
		host, known := hosts[pod.Spec.NodeName]
		if !known || !host.Running {
			continue
		}
		parent := cri.CgroupParent(path.Join(spec.CgroupRoot, host.Name), pod)
		for _, status := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses, pod.Status.EphemeralContainerStatuses) {
			_, id, made := strings.Cut(status.ContainerID, "://")
			if !made || status.State.Running == nil {
				continue
			}
			if fact, runs := c.one(id, path.Join(parent, id), host.PID); runs {
				now["container/"+ref.Namespace+"/"+ref.Name+"/"+status.Name], alive[id] = fact, true
			}
		}
	}
	for id, one := range bare(func(id string) bool { return alive[id] }) {
		if fact, runs := c.one(id, one.cgroup, one.host); runs {
			now[one.about], alive[id] = fact, true
		}
	}
	for id := range c {
		if !alive[id] {
			delete(c, id)
		}
	}
	return now
}

// one reads what is to be told of a container. It may have ended, or not yet have a process.
func (c containers) one(id, cgroup string, host int) (containerFact, bool) {
	fact, known := c[id]
	if !known {
		fact = containerFact{ID: id, dirs: cgroupDirs(cgroup)}
	}
	pids := pidsIn(fact.dirs)
	if len(pids) == 0 {
		return containerFact{}, false
	}
	if !slices.Contains(pids, fact.PID) {
		fact.PID, fact.Cgroup = firstOf(pids), cgroupFact{cgroup, limits(fact.dirs)}
		fact.Namespaces = namespaces(fact.PID, host)
		c[id] = fact
	}
	fact.Processes = nil
	for _, pid := range pids[:min(len(pids), maxProcesses)] {
		if inner, err := innerPID(pid); err == nil {
			fact.Processes = append(fact.Processes, innerProcess{pid, inner, program(pid)})
		}
	}
	return fact, true
}

// cgroupDirs returns a cgroup's directories: one on cgroup v2, one for each controller on v1.
func cgroupDirs(cgroup string) []string {
	dirs, _ := filepath.Glob("/sys/fs/cgroup/*" + cgroup) // an ID has no wildcard in it
	if _, err := os.Stat("/sys/fs/cgroup" + cgroup); err == nil {
		dirs = append(dirs, "/sys/fs/cgroup"+cgroup)
	}
	return dirs
}

// pidsIn lists the processes of a cgroup, the lowest number first.
func pidsIn(dirs []string) []int {
	for _, dir := range dirs {
		content, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
		if err != nil || len(content) == 0 {
			continue
		}
		var pids []int
		for _, field := range strings.Fields(string(content)) {
			if pid, err := strconv.Atoi(field); err == nil && pid > 0 {
				pids = append(pids, pid)
			}
		}
		slices.Sort(pids)
		return pids
	}
	return nil
}

// firstOf is the process that the container began with: number 1 inside, or the oldest where it has no number of its own.
func firstOf(pids []int) int {
	for _, pid := range pids {
		if inner, err := innerPID(pid); err == nil && inner == 1 {
			return pid
		}
	}
	return pids[0]
}

// innerPID is the number that a process has in its own PID namespace: the last of NSpid in its status (proc(5)).
func innerPID(pid int) (int, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(status) {
		if numbers, found := bytes.CutPrefix(line, []byte("NSpid:")); found {
			fields := strings.Fields(string(numbers))
			return strconv.Atoi(fields[len(fields)-1])
		}
	}
	return 0, fmt.Errorf("/proc/%d/status has no NSpid", pid)
}

// program is the first word of a process's command line.
func program(pid int) string {
	line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)) // it may have ended: then it has no name
	word, _, _ := bytes.Cut(line, []byte{0})
	return string(word)
}

// limitFiles are a cgroup's files in which its limits stand, those of v2 first.
var limitFiles = []string{
	"memory.max", "memory.low", "cpu.max", "cpu.weight", "pids.max",
	"memory.limit_in_bytes", "cpu.cfs_quota_us", "cpu.cfs_period_us", "cpu.shares",
}

func limits(dirs []string) map[string]string {
	files := map[string]string{}
	for _, name := range limitFiles {
		for _, dir := range dirs {
			if content, err := os.ReadFile(filepath.Join(dir, name)); err == nil {
				files[name] = strings.TrimSpace(string(content))
			}
		}
	}
	return files
}

// namespaces tells which namespaces a process is in, and which of them are the node's.
func namespaces(pid, host int) map[string]namespaceFact {
	found := map[string]namespaceFact{}
	for _, kind := range []string{"net", "pid", "mnt", "uts", "ipc", "cgroup", "user"} {
		own, err := namespace(pid, kind)
		if err != nil {
			continue // it has ended
		}
		nodes, err := namespace(host, kind)
		ours, _ := namespace(os.Getpid(), kind) // 0 is not told
		found[kind] = namespaceFact{own, err == nil && own == nodes, ours}
	}
	return found
}

// namespace is the number by which the kernel knows a process's namespace of a kind: net:[4026531840] (namespaces(7)).
func namespace(pid int, kind string) (uint64, error) {
	link, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", pid, kind))
	if err != nil {
		return 0, err
	}
	_, number, _ := strings.Cut(strings.TrimSuffix(link, "]"), "[")
	return strconv.ParseUint(number, 10, 64)
}
