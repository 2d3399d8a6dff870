//go:build linux

package containers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"

	"kubelab/kube/atomicfile"
)

// Shim is a client of one sandbox's shim. It has no connection of its own, so it need not be closed, and any number of
// processes may have one. Its methods may be called at the same time.
type Shim struct {
	Sandbox Sandbox
}

// StartShim makes the sandbox's directory, starts binary (the program kube/cmd/kube-shim) as the sandbox's shim, and
// waits until it answers or ctx ends. The shim goes on when the caller dies; [ConnectShim] finds it again.
func StartShim(ctx context.Context, binary string, s Sandbox) (*Shim, error) {
	shim := &Shim{Sandbox: s}
	if err := shim.start(ctx, binary); err != nil {
		return nil, fmt.Errorf("start shim of sandbox %s: %w", s.ID, err)
	}
	return shim, nil
}

func (s *Shim) start(ctx context.Context, binary string) error {
	if err := os.MkdirAll(filepath.Join(s.Sandbox.Dir, containersDir), 0o700); err != nil {
		return err
	}
	config, err := json.Marshal(s.Sandbox)
	if err != nil {
		return err
	}
	if err := atomicfile.Write(filepath.Join(s.Sandbox.Dir, sandboxFile), config, modeState); err != nil {
		return err
	}
	// We open the socket, so requests may queue before the shim has come up, and the shim inherits it.
	socket, err := s.listen()
	if err != nil {
		return err
	}
	exited, err := s.spawn(binary, socket)
	socket.Close() // now its death refuses those who wait
	if err != nil {
		return err
	}
	if _, err = s.call(ctx, Request{Op: OpList}); errors.Is(err, ErrShimDead) {
		<-exited
		said, _ := os.ReadFile(filepath.Join(s.Sandbox.Dir, logFile))
		return fmt.Errorf("%s ended at once: %s", binary, said)
	}
	return err
}

// spawn starts the process. The channel is closed when it has ended, if we live to see that.
func (s *Shim) spawn(binary string, socket *os.File) (<-chan struct{}, error) {
	// Its stdio are files: were they pipes to us, our death would break them.
	said, err := os.OpenFile(filepath.Join(s.Sandbox.Dir, logFile), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer said.Close()
	cmd := exec.Command(binary, s.Sandbox.Dir)
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = said, said, []*os.File{socket}
	cmd.Dir = "/"
	cmd.Env = []string{"GOMAXPROCS=1"} // one processor is enough for it, and each more would cost memory
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if !s.Sandbox.HostIPC {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWIPC
	}
	if s.Sandbox.Hostname != "" {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUTS
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	exited := make(chan struct{})
	go func() { // ends with the shim; while we live somebody must take its exit code from the kernel
		cmd.Wait()
		close(exited)
	}()
	return exited, nil
}

// ConnectShim returns a client of the shim that was started in dir. When that shim is dead, what is left of its
// containers is killed, their exits (137, [ReasonShimDied]) are written, and the client answers from the files.
func ConnectShim(dir string) (*Shim, error) {
	sandbox, err := ReadSandbox(dir)
	if err != nil {
		return nil, fmt.Errorf("connect to the shim of %s: %w", dir, err)
	}
	s := &Shim{Sandbox: sandbox}
	conn, err := s.dial()
	if errors.Is(err, ErrShimDead) {
		_, err := s.buried()
		return s, err
	} else if err != nil {
		return nil, fmt.Errorf("connect to shim of sandbox %s: %w", s.Sandbox.ID, err)
	}
	return s, conn.Close()
}

// A socket's address holds 107 bytes, fewer than a path may have, so both ends reach it through a directory that they
// have open.
func (s *Shim) atSocket(do func(path string) error) error {
	dir, err := os.Open(s.Sandbox.Dir)
	if err != nil {
		return err
	}
	defer dir.Close()
	return do("/proc/self/fd/" + strconv.Itoa(int(dir.Fd())) + "/" + socketFile)
}

func (s *Shim) listen() (socket *os.File, err error) {
	err = s.atSocket(func(path string) error {
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
		if err != nil {
			return err
		}
		defer l.Close()
		l.SetUnlinkOnClose(false)
		if err := os.Chmod(path, 0o600); err != nil {
			return err
		}
		socket, err = l.File()
		return err
	})
	return socket, err
}

// dial fails with ErrShimDead if nobody listens.
func (s *Shim) dial() (*Conn, error) {
	var conn *net.UnixConn
	err := s.atSocket(func(path string) (err error) {
		conn, err = net.DialUnix("unix", nil, &net.UnixAddr{Name: path})
		return err
	})
	if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("sandbox %s: %w", s.Sandbox.ID, ErrShimDead)
	} else if err != nil {
		return nil, err
	}
	return &Conn{UnixConn: conn}, nil
}
