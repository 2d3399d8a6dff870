//go:build linux

package cluster

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Running is a component of the cluster, and the process that it is now: dead while it is about to be started again.
type Running struct {
	Host string // machine: on the machine itself
	Name string
	Process
}

// String is how a person names a component: etcd@control-plane.
func (r Running) String() string {
	if r.Host == "" {
		return r.Name
	}
	return r.Name + "@" + r.Host
}

// Components lists what is to run of a cluster that is up, on hosts that are on and on the machine itself.
func Components(name string) ([]Running, error) {
	c, err := open(name)
	if err != nil {
		return nil, err
	}
	defer c.release()
	return c.components()
}

func (c *Cluster) components() ([]Running, error) {
	all := []Running{{machine, background, c.state.Supervisor}}
	for _, component := range c.Spec.Machine() {
		all = append(all, Running{machine, component.Name, c.state.Processes[component.Name]})
	}
	children, err := childrenOf()
	if err != nil {
		return nil, err
	}
	for _, host := range c.Spec.Hosts {
		if c.state.Stopped[host.Name] {
			continue
		}
		for _, component := range c.Spec.Components(host) {
			all = append(all, Running{host.Name, component.Name, children[c.state.Processes[host.Name].PID][component.Name]})
		}
	}
	return all, nil
}

// childrenOf are the processes of this machine by their parent's number and by the second word of their command line:
// what a host's first process started are kube's subcommands.
func childrenOf() (map[int]map[string]Process, error) {
	children := map[int]map[string]Process{}
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range lines {
		content, _ := os.ReadFile(path) // it may have ended meanwhile
		words := strings.Split(string(content), "\x00")
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path))) // the pattern lets only numbers through
		start, parent, _, err := readStat(pid)
		if err != nil || len(words) < 2 || filepath.Base(words[0]) != "kube" {
			continue
		}
		if children[parent] == nil {
			children[parent] = map[string]Process{}
		}
		children[parent][words[1]] = Process{pid, start}
	}
	return children, err
}
