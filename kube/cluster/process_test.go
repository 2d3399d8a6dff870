//go:build linux

package cluster

import (
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// sleeper starts a process that does nothing.
func sleeper(t *testing.T) Process {
	t.Helper()
	command := exec.Command("sleep", "1000")
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_, _ = command.Process.Wait()
	})
	process, err := identify(command.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	return process
}

func TestAProcessThatOnlyHasTheSameNumberIsNeitherAliveNorKilled(t *testing.T) {
	real := sleeper(t)
	other := Process{PID: real.PID, Start: real.Start - 1} // who had the number before
	if other.Alive() {
		t.Error("is taken for alive")
	}
	if err := other.Signal(unix.SIGKILL); err != nil {
		t.Error(err)
	}
	if !other.Wait(-1) {
		t.Error("has ended, and is waited for")
	}
	if !real.Alive() {
		t.Error("the wrong one was killed")
	}
}

func TestAProcessIsAliveUntilItEndsAlsoWhenNobodyHasTakenNoteOfItsEnd(t *testing.T) {
	process := sleeper(t)
	if !process.Alive() || process.Wait(time.Millisecond) {
		t.Error("is taken for dead")
	}
	fd, err := process.open()
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := process.Signal(unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for { // until it has ended, but without taking note: poll says so and waits for nobody
		if n, _ := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, -1); n > 0 {
			break
		}
	}
	if process.Alive() {
		t.Error("a zombie is taken for alive")
	}
	if !process.Wait(-1) {
		t.Error("is waited for")
	}
}
