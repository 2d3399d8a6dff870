//go:build linux

package cluster

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Process names a process so that no other is ever meant, also when its number is used again.
type Process struct {
	PID   int
	Start uint64 // when it began, in the kernel's ticks since boot
}

// identify reads who the process with that number is.
func identify(pid int) (Process, error) {
	start, _, _, err := readStat(pid)
	return Process{PID: pid, Start: start}, err
}

// readStat reads when a process began, its parent and its state from /proc/PID/stat: fields 22, 4 and 3 (proc(5)).
func readStat(pid int) (start uint64, parent int, state byte, err error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0, 0, err
	}
	// The second field is the program's name in parentheses; it may hold blanks and parentheses itself.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 20 {
		return 0, 0, 0, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	start, err = strconv.ParseUint(string(fields[19]), 10, 64)
	parent, err2 := strconv.Atoi(string(fields[1]))
	return start, parent, fields[0][0], errors.Join(err, err2)
}

// Alive says whether the process runs. One that ended and was not yet waited for does not.
func (p Process) Alive() bool {
	start, _, state, err := readStat(p.PID)
	return p.PID > 0 && err == nil && start == p.Start && state != 'Z' && state != 'X'
}

// open returns a file descriptor that stands for the process (pidfd_open(2)): from here on the number
// does not matter. os.ErrProcessDone means that the process is no more.
func (p Process) open() (int, error) {
	if p.PID <= 0 {
		return -1, os.ErrProcessDone
	}
	fd, err := unix.PidfdOpen(p.PID, 0)
	if errors.Is(err, unix.ESRCH) {
		return -1, os.ErrProcessDone
	}
	if err != nil {
		return -1, fmt.Errorf("open process %d: %w", p.PID, err)
	}
	if start, _, _, err := readStat(p.PID); err != nil || start != p.Start {
		_ = unix.Close(fd)
		return -1, os.ErrProcessDone
	}
	return fd, nil
}

// Signal sends a signal. A process that is no more gets none, which is no error.
func (p Process) Signal(signal unix.Signal) error {
	fd, err := p.open()
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.PidfdSendSignal(fd, signal, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("signal %v to process %d: %w", signal, p.PID, err)
	}
	return nil
}

// Wait returns true when the process has ended, and false when it still runs after timeout. A negative
// timeout is none.
func (p Process) Wait(timeout time.Duration) bool {
	fd, err := p.open()
	if err != nil {
		return errors.Is(err, os.ErrProcessDone)
	}
	defer unix.Close(fd)
	deadline := time.Now().Add(timeout)
	for {
		left := -1
		if timeout >= 0 {
			left = int(max(0, time.Until(deadline)).Milliseconds())
		}
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, left)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if n > 0 {
			// Where it is our own child, take what is left of it.
			_, _ = unix.Wait4(p.PID, nil, unix.WNOHANG, nil)
		}
		return n > 0
	}
}
