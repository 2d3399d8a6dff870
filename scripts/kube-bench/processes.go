package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// process is one process of a cluster's components; its CPU time and memory when it was looked at.
type process struct {
	Host, Component string
	PSS             float64 // MB: memory of its own, and its share of what it shares
	CPU             float64 // seconds, since it started
}

// shim is the component that comes with each pod.
const shim = "kube-shim"

// processes finds every component of the cluster by its cgroup, /kubelab/CLUSTER/HOST/components. What ends while we look
// is left out; there is none where the cluster is not on this machine.
func (b *bench) processes() []process {
	if b.cluster == "" {
		return nil
	}
	var found []process
	folders, _ := filepath.Glob("/proc/[0-9]*") // the pattern is valid
	for _, folder := range folders {
		if p, ok := readProcess(folder, b.cluster); ok {
			found = append(found, p)
		}
	}
	return found
}

func readProcess(folder, cluster string) (process, bool) {
	read := func(name string) string {
		content, _ := os.ReadFile(filepath.Join(folder, name))
		return string(content)
	}
	_, path, found := strings.Cut(read("cgroup"), "/kubelab/"+cluster+"/")
	component := componentOf(read("cmdline"))
	pss, ok := pssOf(read("smaps_rollup"))
	if !found || component == "" || !ok {
		return process{}, false
	}
	host, _, _ := strings.Cut(path, "/")
	return process{Host: host, Component: component, PSS: pss, CPU: cpuOf(read("stat"))}, true
}

// componentOf tells from a command line which component a process is, "" for what runs in a pod.
func componentOf(cmdline string) string {
	words := strings.Split(cmdline, "\x00")
	switch filepath.Base(words[0]) {
	case shim:
		return shim
	case "kube":
		if len(words) > 1 {
			return words[1]
		}
	}
	return ""
}

func pssOf(rollup string) (megabytes float64, ok bool) {
	_, rest, _ := strings.Cut(rollup, "\nPss:")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0, false
	}
	kilobytes, err := strconv.ParseFloat(fields[0], 64)
	return kilobytes / 1024, err == nil
}

// cpuOf is user and system time out of /proc/PID/stat, with that of children that ended: a shim starts containers by them.
// The clock there ticks a hundred times a second, and the program's name in parentheses may have anything in it: proc(5).
func cpuOf(stat string) (seconds float64) {
	fields := strings.Fields(stat[strings.LastIndex(stat, ")")+1:])
	if len(fields) < 15 {
		return 0
	}
	for _, field := range fields[11:15] {
		ticks, _ := strconv.ParseFloat(field, 64) // the kernel writes numbers
		seconds += ticks / 100
	}
	return seconds
}

// pss adds up the memory of each group of processes; a process with an empty group is left out.
func pss(processes []process, group func(process) string) map[string]float64 {
	sums := map[string]float64{}
	for _, p := range processes {
		if g := group(p); g != "" {
			sums[g] += p.PSS
		}
	}
	return sums
}

// reportMemory says what the components need when there is nothing to do.
func (b *bench) reportMemory(idle []process) {
	byComponent := map[string][]float64{}
	for _, p := range idle {
		byComponent[p.Component] = append(byComponent[p.Component], p.PSS)
	}
	hosts := map[string][]float64{}
	for host, sum := range pss(idle, func(p process) string { return p.Host }) {
		kind := "one node"
		if host == "control-plane" || host == "machine" {
			kind = host
		}
		hosts[kind] = append(hosts[kind], sum)
	}
	for _, of := range []map[string][]float64{hosts, byComponent} {
		for _, name := range sortedKeys(of) {
			b.report("memory idle: "+name, "MB", of[name])
		}
	}
}

// reportGrowth says what each of some pods added, besides its own processes. Shims of earlier pods may be about to end.
func (b *bench) reportGrowth(before, after []process, pods int) {
	if b.cluster == "" {
		return
	}
	components := func(processes []process) float64 {
		return pss(processes, func(p process) string { return strconv.FormatBool(p.Component != shim) })["true"]
	}
	var shims []float64
	for _, p := range after {
		if p.Component == shim {
			shims = append(shims, p.PSS)
		}
	}
	b.report("memory added per pod: its shim", "MB", shims)
	b.report(fmt.Sprintf("memory added per pod: growth of all components by %d pods", pods), "MB",
		[]float64{(components(after) - components(before)) / float64(pods)})
}

// reportCPU says how much CPU time some components took, on all hosts, for each of a number of units of work.
func (b *bench) reportCPU(work string, before, after []process, units float64, components ...string) {
	used := map[string]float64{}
	for _, p := range after {
		used[p.Component] += p.CPU
	}
	for _, p := range before {
		used[p.Component] -= p.CPU
	}
	for _, name := range components {
		if seconds := used[name]; seconds > 0 {
			b.report(work+", "+name, "ms", []float64{1000 * seconds / units})
		}
	}
}

func sortedKeys(m map[string][]float64) []string {
	var keys []string
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
