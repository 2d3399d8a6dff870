//go:build linux

package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

const (
	patience  = 2 * time.Second        // how long a component may take to end when it is asked to
	lastWords = 100 * time.Millisecond // how long its log is read after that
)

// children are the processes that have us as their parent. One place waits for all of them, because a
// first process also inherits those whose own parent ended.
type children struct {
	mu     sync.Mutex
	ending map[int]chan syscall.WaitStatus
}

func newChildren() *children {
	c := &children{ending: map[int]chan syscall.WaitStatus{}}
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGCHLD)
	go func() { // for as long as the process lives
		for range ended {
			c.reap()
		}
	}()
	return c
}

// reap waits for all children that have ended.
func (c *children) reap() {
	c.mu.Lock() // so that nobody ends between its start and its entry in the list
	defer c.mu.Unlock()
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		if ending, known := c.ending[pid]; known {
			ending <- status
			delete(c.ending, pid)
		}
	}
}

// keepRunning starts a program, and again whenever it ends, until ctx is done.
func (c *children) keepRunning(ctx context.Context, name string, args []string, logPath string) {
	from, to, err := os.Pipe() // one for all its lives: what a life left behind may still write
	if err != nil {
		slog.Error("cannot start a component", "component", name, "error", err)
		return
	}
	var log sync.WaitGroup
	log.Go(func() { keepLog(from, logPath) })
	defer log.Wait()
	defer func() { _ = from.SetReadDeadline(time.Now().Add(lastWords)) }()
	defer to.Close()
	var pause time.Duration
	for {
		began := time.Now()
		status, err := c.run(ctx, args, to)
		if ctx.Err() != nil {
			return
		}
		pause = Pause(pause, time.Since(began))
		slog.Warn("a component ended", "component", name, "status", describe(status), "error", err, "again in", pause)
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// run starts a program and returns when it has ended. When ctx is done the program is asked to end, and
// then made to.
func (c *children) run(ctx context.Context, args []string, output *os.File) (syscall.WaitStatus, error) {
	pid, ending, err := c.start(args, output)
	if err != nil {
		return 0, err
	}
	select {
	case status := <-ending:
		return status, nil
	case <-ctx.Done():
	}
	c.signal(pid, syscall.SIGTERM)
	select {
	case status := <-ending:
		return status, nil
	case <-time.After(patience):
		c.signal(pid, syscall.SIGKILL)
		return <-ending, nil
	}
}

func (c *children) start(args []string, output *os.File) (int, chan syscall.WaitStatus, error) {
	none, err := os.Open(os.DevNull)
	if err != nil {
		return 0, nil, err
	}
	defer none.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	pid, err := syscall.ForkExec(args[0], args, &syscall.ProcAttr{
		Env: os.Environ(), Files: []uintptr{none.Fd(), output.Fd(), output.Fd()}, Sys: &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return 0, nil, fmt.Errorf("start %s: %w", args[0], err)
	}
	ending := make(chan syscall.WaitStatus, 1)
	c.ending[pid] = ending
	return pid, ending, nil
}

// signal sends a signal to a child that was not waited for yet: until then its number is its own.
func (c *children) signal(pid int, signal syscall.Signal) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, there := c.ending[pid]; there {
		_ = syscall.Kill(pid, signal)
	}
}

func describe(status syscall.WaitStatus) string {
	if status.Signaled() {
		return status.Signal().String()
	}
	return fmt.Sprintf("exit code %d", status.ExitStatus())
}
