//go:build linux

package shim

import (
	"fmt"
	"os"
	"syscall"

	"kubelab/kube/containers"
	"kubelab/kube/containers/streams"

	"github.com/opencontainers/runc/libcontainer"
)

// exec runs a further command in the container. Its stdio is the client's own, so there is nothing to copy here. It
// replies twice: once the command runs (with the terminal's master, if there is one), and with the exit code.
func (c *container) exec(conn *containers.Conn, e containers.ExecConfig, files [3]*os.File) (reply containers.Reply, err error) {
	defer closeAll(files)
	if state := c.currentStatus().State; state != containers.Running {
		return reply, fmt.Errorf("exec in container %s, which is %s: %w", c.config.ID, state, containers.ErrNotRunning)
	}
	if len(e.Args) == 0 {
		return reply, fmt.Errorf("exec in container %s: no command given", c.config.ID)
	}
	p, err := c.process(e)
	if err != nil {
		return reply, err
	}
	master, err := c.launch(p, e.Terminal, files)
	if err != nil {
		return reply, fmt.Errorf("exec in container %s: %w", c.config.ID, plainError(err))
	}
	closeAll(files) // so that the client sees the end of the output when the command closes it
	conn.Send(reply, master...)
	if len(master) > 0 {
		master[0].Close()
	}
	exited := make(chan int, 1)
	go func() {
		result, _ := p.Wait() // the error repeats what the result says
		exited <- exitCode(result)
	}()
	var code int
	select {
	case code = <-exited:
	case <-hangup(conn):
		p.Signal(syscall.SIGKILL)
		code = <-exited
	}
	reply.Code = &code
	return reply, nil
}

// launch starts the command. With a terminal it returns the master.
func (c *container) launch(p *libcontainer.Process, terminal bool, files [3]*os.File) ([]*os.File, error) {
	if !terminal {
		// Each by itself: an interface that holds a nil pointer is not nil, and nil stands for /dev/null.
		if files[0] != nil {
			p.Stdin = files[0]
		}
		if files[1] != nil {
			p.Stdout = files[1]
		}
		if files[2] != nil {
			p.Stderr = files[2]
		}
		return nil, c.box.Start(p)
	}
	ours, theirs, err := streams.ConsolePair()
	if err != nil {
		return nil, err
	}
	defer ours.Close()
	defer theirs.Close()
	p.ConsoleSocket = theirs
	if err := c.box.Start(p); err != nil {
		return nil, err
	}
	master, err := streams.ReceiveMaster(ours)
	if err != nil {
		p.Signal(syscall.SIGKILL)
		p.Wait()
		return nil, err
	}
	return []*os.File{master}, nil
}

func closeAll(files [3]*os.File) {
	for _, f := range files {
		if f != nil {
			f.Close()
		}
	}
}
