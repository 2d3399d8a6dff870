//go:build linux

package cluster

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"sync"

	"github.com/opencontainers/cgroups"
	"github.com/opencontainers/cgroups/manager"
)

const (
	cgroupTop   = "/kubelab"
	ownCgroup   = "components" // below a host's cgroup: its components. Pods are beside it
	cpuPeriod   = 100_000      // microseconds
	cgroupMount = "/sys/fs/cgroup"
)

// enclosing is held by one host at a time: the first makes the scope for all, and the library that writes
// cgroups keeps things in variables of its own.
var enclosing sync.Mutex

// enclose puts a host's first process, and so all that it will start, into the host's cgroup, and sets
// the host's limits. In cgroup v2 only leaves hold processes, so the host's components have one of their own.
func enclose(ctx context.Context, spec Spec, host Host, pid int) error {
	enclosing.Lock()
	defer enclosing.Unlock()
	whole, err := manager.New(&cgroups.Cgroup{Path: spec.cgroup(host), Resources: limits(host)})
	if err != nil {
		return err
	}
	components, err := manager.New(&cgroups.Cgroup{
		Path: path.Join(spec.cgroup(host), ownCgroup), Resources: &cgroups.Resources{SkipDevices: true}})
	if err != nil {
		return err
	}
	if needsScope() {
		if err := ensureScope(ctx, spec.Name, pid); err != nil {
			return err
		}
		if err := leaveScope(path.Join(spec.cgroup(host), ownCgroup), pid); err != nil {
			return fmt.Errorf("cgroup of %s: %w", host.Name, err)
		}
	}
	if err := components.Apply(pid); err != nil {
		return fmt.Errorf("cgroup of %s: %w", host.Name, err)
	}
	if err := whole.Set(limits(host)); err != nil {
		// Inside some containers the controllers are not ours to use: a host without limits is still a host.
		slog.Warn("the host has no limit to its CPU and memory", "host", host.Name, "error", err)
	}
	return nil
}

// leaveScope moves a process from a new scope to a leaf below it, by hand, before the scope hands any controller
// down. While the scope holds a process, the kernel refuses it memory but not cpu, and with cpu the scope becomes
// the root of threads (cgroups(7), "Threaded mode"): from then on nothing in it can be given memory limits.
func leaveScope(leaf string, pid int) error {
	dir := filepath.Join(cgroupMount, leaf)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return cgroups.WriteCgroupProc(dir, pid)
}

func limits(host Host) *cgroups.Resources {
	limits := &cgroups.Resources{SkipDevices: true, Memory: host.Memory}
	if host.CPU > 0 {
		limits.CpuPeriod, limits.CpuQuota = cpuPeriod, int64(host.CPU)*cpuPeriod
	}
	return limits
}

// removeCgroups removes the cgroup at this path, with all below it, in every hierarchy. It holds no process any more.
func removeCgroups(cgroup string) error {
	for _, root := range hierarchies() {
		if err := cgroups.RemovePath(filepath.Join(root, cgroup)); err != nil {
			return fmt.Errorf("remove cgroup: %w", err)
		}
	}
	return nil
}

// removeEmptyCgroup removes the cgroup that all clusters share, where it has become empty.
func removeEmptyCgroup(cgroup string) {
	for _, root := range hierarchies() {
		_ = os.Remove(filepath.Join(root, cgroup))
	}
}

// hierarchies are the roots of the cgroup trees: one in cgroup v2, one for each controller in v1.
func hierarchies() []string {
	if cgroups.IsCgroup2UnifiedMode() {
		return []string{cgroupMount}
	}
	roots, _ := filepath.Glob(cgroupMount + "/*") // the pattern is correct
	return roots
}
