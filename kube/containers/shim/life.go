//go:build linux

package shim

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"kubelab/kube/containers"

	"github.com/opencontainers/cgroups"
	"github.com/opencontainers/runc/libcontainer"
)

// start lets the first process become the command.
func (c *container) start() error {
	c.mu.Lock() // until all is told, so that an exit comes after it
	defer c.mu.Unlock()
	if c.status.State != containers.Created {
		return fmt.Errorf("start container %s, which is %s: %w", c.config.ID, c.status.State, containers.ErrNotRunning)
	}
	if err := c.box.Exec(); err != nil {
		return fmt.Errorf("start container %s: %w", c.config.ID, plainError(err))
	}
	c.status.State, c.status.StartedAt = containers.Running, time.Now()
	return c.server.sandbox.WriteStatus(c.status)
}

// watch waits for the command to end, and tells it once it is written down.
func (c *container) watch() {
	result, err := c.first.Wait()
	if c.config.PIDMode != containers.PIDContainer {
		// The kernel ends a PID namespace with its first process. In a shared one, what the command left goes on.
		c.box.Signal(syscall.SIGKILL)
	}
	c.io.drain()
	c.mu.Lock()
	c.status.State, c.status.PID, c.status.FinishedAt = containers.Exited, 0, time.Now()
	c.status.ExitCode = exitCode(result)
	switch {
	case c.status.ExitCode == 0:
		c.status.Reason = containers.ReasonCompleted
	case c.oomKills() > 0:
		c.status.Reason = containers.ReasonOOMKilled
	default:
		c.status.Reason = containers.ReasonError
	}
	if result == nil {
		c.status.Message = "its exit code was lost: " + err.Error()
	}
	if err := c.server.sandbox.WriteStatus(c.status); err != nil {
		fmt.Fprintln(os.Stderr, "keep the exit of container", c.config.ID+":", err) // it is still told while we live
	}
	c.mu.Unlock() // from here on others may learn of it
	c.server.publish(c)
	close(c.ended)
	c.server.tidy.Reset(time.Second)
}

// exitCode has the shell's convention for signals.
func exitCode(result *os.ProcessState) int {
	if result == nil {
		return 255
	}
	if status := result.Sys().(syscall.WaitStatus); status.Signaled() {
		return 128 + int(status.Signal())
	}
	return result.ExitCode()
}

// signal sends it to the command, SIGKILL to all that is in the container.
func (c *container) signal(sig syscall.Signal) error {
	err := c.box.Signal(sig)
	if err == nil || errors.Is(err, libcontainer.ErrNotRunning) || errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return fmt.Errorf("send signal %d to container %s: %w", sig, c.config.ID, err)
}

// delete kills and removes.
func (s *server) delete(id string) error {
	s.mu.Lock()
	c := s.containers[id]
	s.mu.Unlock()
	if c == nil {
		return nil
	}
	c.busy.Lock() // who gave up waiting for a creation may delete before it is over
	defer c.busy.Unlock()
	if now, err := s.find(id); err != nil || now != c {
		return nil // it failed, or somebody else was faster
	}
	if c.currentStatus().State != containers.Exited {
		if err := c.signal(syscall.SIGKILL); err != nil {
			return err
		}
	}
	<-c.ended
	return c.remove()
}

// cgroupFile reads a file of the container's memory cgroup.
func (c *container) cgroupFile(v1, v2 string) (*os.File, error) {
	state, err := c.box.State()
	if err != nil {
		return nil, err
	}
	if c.server.host.CgroupV2 {
		return os.Open(filepath.Join(state.CgroupPaths[""], v2))
	}
	return os.Open(filepath.Join(state.CgroupPaths["memory"], v1))
}

// oomKills counts processes that the kernel killed because the container used more memory than it may.
func (c *container) oomKills() uint64 {
	f, err := c.cgroupFile("memory.oom_control", "memory.events")
	if err != nil {
		return 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if count, found := strings.CutPrefix(lines.Text(), "oom_kill "); found {
			n, _ := strconv.ParseUint(count, 10, 64)
			return n
		}
	}
	return 0
}

func (c *container) stats() (*containers.Stats, error) {
	if c.currentStatus().State == containers.Exited {
		return nil, fmt.Errorf("stats of container %s: %w", c.config.ID, containers.ErrNotRunning)
	}
	all, err := c.box.Stats()
	if err != nil {
		return nil, fmt.Errorf("stats of container %s: %w", c.config.ID, err)
	}
	memory := all.CgroupStats.MemoryStats
	named := func(v1, v2 string) uint64 { return cmp.Or(memory.Stats[v1], memory.Stats[v2]) }
	usage, inactive := memory.Usage.Usage, named("total_inactive_file", "inactive_file")
	return &containers.Stats{
		CPUNanos:    all.CgroupStats.CpuStats.CpuUsage.TotalUsage,
		MemoryUsage: usage, MemoryWorkingSet: usage - min(inactive, usage), MemoryRSS: named("total_rss", "anon"),
		PageFaults: named("total_pgfault", "pgfault"), MajorPageFaults: named("total_pgmajfault", "pgmajfault"),
		Pids:     all.CgroupStats.PidsStats.Current,
		OOMKills: c.oomKills(),
	}, nil
}

// update changes the limits that are not zero.
func (c *container) update(r containers.Resources) error {
	config := c.box.Config()
	cgroup, limits := *config.Cgroups, *config.Cgroups.Resources
	limits.CpuShares = cmp.Or(r.CPUShares, limits.CpuShares)
	limits.CpuWeight = cgroups.ConvertCPUSharesToCgroupV2Value(limits.CpuShares)
	limits.CpuQuota, limits.CpuPeriod = cmp.Or(r.CPUQuota, limits.CpuQuota), cmp.Or(r.CPUPeriod, limits.CpuPeriod)
	limits.CpusetCpus = cmp.Or(r.CPUs, limits.CpusetCpus)
	if r.MemoryLimit > 0 {
		limits.Memory = r.MemoryLimit
		if c.server.host.CgroupV2 {
			limits.MemorySwap = r.MemoryLimit
		}
	}
	if r.PidsLimit > 0 {
		limits.PidsLimit = &r.PidsLimit
	}
	cgroup.Resources, config.Cgroups = &limits, &cgroup
	if err := c.box.Set(config); err != nil {
		return fmt.Errorf("change the limits of container %s: %w", c.config.ID, err)
	}
	return nil
}
