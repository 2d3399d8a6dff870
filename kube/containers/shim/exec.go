//go:build linux

package shim

import (
	"fmt"
	"os"
	"slices"
	"strings"
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
	p.Env = c.withHome(p.Env, p.UID)
	gone := hangup(conn)
	master, err := c.launch(p, e.Terminal, files, gone)
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
	case <-gone:
		p.Signal(syscall.SIGKILL)
		code = <-exited
	}
	reply.Code = &code
	return reply, nil
}

// launch starts the command, unless its client goes. With a terminal it returns the master.
func (c *container) launch(p *libcontainer.Process, terminal bool, files [3]*os.File, gone <-chan struct{}) ([]*os.File, error) {
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
		return nil, c.startProcess(p, gone, c.killStarting)
	}
	ours, theirs, err := streams.ConsolePair()
	if err != nil {
		return nil, err
	}
	defer ours.Close()
	defer theirs.Close()
	p.ConsoleSocket = theirs
	if err := c.startProcess(p, gone, c.killStarting); err != nil {
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

// killStarting kills what is about to become a further command.
func (c *container) killStarting() {
	first, err := c.first.Pid()
	if err != nil {
		return
	}
	for _, pid := range containers.CgroupProcesses(c.server.sandbox.CgroupPath(c.config.ID)) {
		if pid != first && nameOf(pid) == initName {
			syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

// withHome adds the user's home, if none is set. Otherwise libcontainer would look for it from within the container, whose root can
// put what it likes in the place of /etc/passwd. With a volume there it has to: that cannot be seen from outside.
func (c *container) withHome(env []string, uid int) []string {
	home := ""
	for _, v := range env {
		if value, found := strings.CutPrefix(v, "HOME="); found {
			home = value // the last counts
		}
	}
	over := func(m containers.Mount) bool { return m.Target == "/etc" || m.Target == "/etc/passwd" }
	if home != "" || slices.ContainsFunc(c.config.Mounts, over) {
		return env
	}
	return append(env, "HOME="+homeOf(c.server.sandbox.RootDir(c.config.ID), uid))
}

func closeAll(files [3]*os.File) {
	for _, f := range files {
		if f != nil {
			f.Close()
		}
	}
}
