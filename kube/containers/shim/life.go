//go:build linux

package shim

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"kubelab/kube/containers"

	"golang.org/x/sys/unix"
)

// start lets the first process become the command.
func (c *container) start() error {
	c.mu.Lock() // until all is told, so that an exit comes after it
	defer c.mu.Unlock()
	if c.status.Reason == containers.ReasonStartError {
		return errors.New(c.status.Message)
	}
	if c.status.State != containers.Created {
		return fmt.Errorf("start container %s, which is %s: %w", c.config.ID, c.status.State, containers.ErrNotRunning)
	}
	if err := c.box.Exec(); err != nil {
		return fmt.Errorf("start container %s: %w", c.config.ID, plainError(err))
	}
	c.status.State, c.status.StartedAt = containers.Running, time.Now()
	return c.keep()
}

// watch waits for the command to end, and tells it once it is written down.
func (c *container) watch() {
	began := becameCommand(c.currentStatus().PID)
	result, err := c.first.Wait()
	if err := c.killRest(); err != nil {
		fmt.Fprintln(os.Stderr, "end what container", c.config.ID, "left running:", err)
	}
	c.io.drain()
	c.mu.Lock()
	c.status.State, c.status.PID, c.status.FinishedAt = containers.Exited, 0, time.Now()
	c.status.ExitCode = exitCode(result)
	switch {
	case !began && c.status.ExitCode == initFailed:
		c.status.ExitCode, c.status.Reason, c.status.Message = containers.StartErrorCode, containers.ReasonStartError, c.io.firstWords()
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
	if err := c.keep(); err != nil {
		fmt.Fprintln(os.Stderr, "keep the exit of container", c.config.ID+":", err) // it is still told while we live
	}
	c.mu.Unlock() // from here on others may learn of it
	c.over()
	c.server.tidy.Reset(time.Second)
}

// killRest ends what the command left running. Where it was the first process of its PID namespace the kernel has done so.
func (c *container) killRest() error {
	if !c.config.HostPID && c.config.ProcessesOf == "" {
		return nil
	}
	return containers.KillCgroup(c.server.sandbox.CgroupPath(c.config.ID))
}

// over tells others of the exit.
func (c *container) over() {
	if !c.hidden() {
		c.server.publish(c)
	}
	close(c.ended)
}

// How libcontainer names the first process until it becomes the command, and that one's exit code when it cannot. What the
// kernel had against it is then all that was ever written to stderr.
const (
	initName   = "runc:[2:INIT]"
	initFailed = 255
)

// becameCommand waits for the end of a child of ours, leaves its exit code for others, and says whether its program was
// ever replaced by the command.
func becameCommand(pid int) bool {
	for unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
	}
	return nameOf(pid) != initName
}

// nameOf is a process's, empty if it is gone.
func nameOf(pid int) string {
	name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	return strings.TrimSpace(string(name))
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

// signal sends it to the command, SIGKILL to all that is in the container: only where the command is the first in a PID namespace of their own does
// the kernel kill the others with it. Libcontainer is not asked: it answers nobody while it starts a process, which may take a while.
func (c *container) signal(sig syscall.Signal) error {
	if c.currentStatus().State == containers.Exited {
		return nil
	}
	err := c.first.Signal(sig)
	if sig == syscall.SIGKILL {
		for _, pid := range containers.CgroupProcesses(c.server.sandbox.CgroupPath(c.config.ID)) {
			syscall.Kill(pid, sig)
		}
	}
	if err == nil || errors.Is(err, os.ErrProcessDone) {
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
	if err := c.signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-c.ended
	return c.remove()
}

// oomKills counts processes that the kernel killed because the container used more memory than it may.
func (c *container) oomKills() uint64 {
	state, err := c.box.State()
	if err != nil {
		return 0
	}
	file := filepath.Join(state.CgroupPaths["memory"], "memory.oom_control")
	if c.server.host.CgroupV2 {
		file = filepath.Join(state.CgroupPaths[""], "memory.events")
	}
	content, _ := os.ReadFile(file) // empty if it is gone
	for line := range strings.Lines(string(content)) {
		if count, found := strings.CutPrefix(line, "oom_kill "); found {
			n, _ := strconv.ParseUint(strings.TrimSpace(count), 10, 64)
			return n
		}
	}
	return 0
}
