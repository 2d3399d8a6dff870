//go:build linux

package terminal

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// session is a shell and all that it started.
type session struct {
	terminal *os.File
	command  *exec.Cmd
	ending   sync.Once
}

// Read returns io.EOF when the shell has ended.
func (s *session) Read(into []byte) (int, error) {
	n, err := s.terminal.Read(into)
	if errors.Is(err, syscall.EIO) || errors.Is(err, os.ErrClosed) { // nobody has the other end open any more
		err = io.EOF
	}
	return n, err
}

// Write types.
func (s *session) Write(typed []byte) (int, error) { return s.terminal.Write(typed) }

// Resize tells the programs, which draw themselves anew.
func (s *session) Resize(cols, rows uint16) error {
	return control(s.terminal, func(fd int) error {
		return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: cols})
	})
}

// Close ends the shell and what it started.
func (s *session) Close() error {
	s.end()
	return nil
}

// Wait returns the code with which the shell ended: 128 and the signal's number, as a shell says it, if it was one.
func (s *session) Wait() int {
	s.end()
	status, _ := s.command.ProcessState.Sys().(syscall.WaitStatus)
	if status.Signaled() {
		return 128 + int(status.Signal())
	}
	return status.ExitStatus()
}

// farewell is the time that programs have to end by themselves, when their terminal is gone. A test gives them more: it is about
// what they are told.
var farewell = 3 * time.Second

const lookEvery = 10 * time.Millisecond

// end hangs up, and kills what is still there after a while. The shell is waited for last: until then nobody else can get
// its number, which is that of the whole session.
func (s *session) end() {
	s.ending.Do(func() {
		_ = s.terminal.Close() // the kernel sends SIGHUP
		began := time.Now()
		for left := s.members(); len(left) > 0; left = s.members() {
			if time.Since(began) > farewell {
				for _, pid := range left {
					_ = unix.Kill(pid, unix.SIGKILL) // it may have ended by now
				}
			}
			time.Sleep(lookEvery)
		}
		_ = s.command.Wait() // what it returns stands in ProcessState
	})
}

// members are the processes of the session that are alive.
func (s *session) members() (alive []int) {
	files, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is a valid one
	for _, file := range files {
		stat, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		// proc(5): the name in parentheses, which may hold anything, then state, parent, group and session.
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		if len(fields) < 4 || string(fields[0]) == "Z" || string(fields[0]) == "X" || string(fields[3]) != strconv.Itoa(s.command.Process.Pid) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil {
			alive = append(alive, pid)
		}
	}
	return alive
}
