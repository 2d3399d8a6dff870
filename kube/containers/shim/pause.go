//go:build linux

package shim

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

const pauseArg = "pause"

// pauser is process 1 of a PID namespace that the pod's containers share. (The containers' own network, hostname and
// IPC need no such process: the shim itself lives in those namespaces.)
type pauser struct {
	cmd  *exec.Cmd
	life io.Closer // when this end of the pipe closes, as it does when the shim dies, the process ends
}

// startPauser costs about a mebibyte, so it is done only for pods that share processes.
func startPauser() (*pauser, error) {
	cmd := exec.Command("/proc/self/exe", pauseArg)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
	life, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("start the first process of the pod's PID namespace: %w", err)
	}
	return &pauser{cmd: cmd, life: life}, nil
}

func (p *pauser) namespace() string { return fmt.Sprintf("/proc/%d/ns/pid", p.cmd.Process.Pid) }

// end ends the namespace and with it every process in it.
func (p *pauser) end() {
	p.life.Close()
	p.cmd.Wait()
}

// pause is what runs in that process: it takes the exit codes of orphans, as process 1 must, until the shim ends.
func pause() {
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	exited := make(chan os.Signal, 1)
	signal.Notify(exited, syscall.SIGCHLD)
	for range exited {
		for {
			if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); pid <= 0 && err != syscall.EINTR {
				break
			}
		}
	}
}
