//go:build linux

package shim

import (
	"fmt"
	"net"
	"os"
	"runtime/debug"
	"syscall"

	"kubelab/kube/containers"

	_ "github.com/opencontainers/cgroups/devices" // lets libcontainer limit which devices a container may use
	"github.com/opencontainers/runc/libcontainer"
	_ "github.com/opencontainers/runc/libcontainer/nsenter" // enters namespaces, in C, before Go's threads begin
)

// The program runs in two guises: as the shim, and as the first process in each new container (libcontainer runs us
// anew, inside the namespaces, to mount the root file system and then become the command).
func init() {
	if len(os.Args) == 2 && os.Args[1] == "init" {
		libcontainer.Init() // does not return
	}
}

// Main runs the program: `kube-shim <sandbox directory>`, with a listening socket as file descriptor 3.
func Main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "kube-shim is started by the container runtime: kube-shim <sandbox directory>")
		os.Exit(2)
	}
	err := run(os.Args[1]) // it returns only when it cannot go on: a shim that is done ends its process itself
	fmt.Fprintln(os.Stderr, "kube-shim:", err)
	os.Exit(1)
}

func run(dir string) error {
	debug.SetGCPercent(10) // there is one shim per pod, and little garbage: memory counts for more than its processor time
	sandbox, err := containers.ReadSandbox(dir)
	if err != nil {
		return err
	}
	s := newServer(sandbox)
	if err := s.prepare(); err != nil {
		return err
	}
	inherited := os.NewFile(3, "socket")
	listener, err := net.FileListener(inherited)
	if err != nil {
		return fmt.Errorf("file descriptor 3 is not a listening socket: %w", err)
	}
	inherited.Close() // the listener has a copy that our own children do not inherit
	return s.serve(listener.(*net.UnixListener))
}

// prepare sets up what the pod's containers share.
func (s *server) prepare() error {
	if s.sandbox.Hostname != "" {
		if err := syscall.Sethostname([]byte(s.sandbox.Hostname)); err != nil {
			return fmt.Errorf("set hostname %q: %w", s.sandbox.Hostname, err)
		}
	}
	if err := setSysctls(s.sandbox); err != nil {
		return err
	}
	host, err := inspectHost()
	if err != nil {
		return err
	}
	s.host = host
	// When memory runs out the shim should be the last to go. Without CAP_SYS_RESOURCE it stays what it is.
	os.WriteFile("/proc/self/oom_score_adj", []byte("-998"), 0)
	if err := s.mountShm(); err != nil {
		return err
	}
	return s.startPause()
}

// mountShm finds or makes what the containers have as /dev/shm.
func (s *server) mountShm() error {
	if s.sandbox.HostIPC {
		s.host.ShmDir = "/dev/shm"
		return nil
	}
	s.host.ShmDir = s.sandbox.ShmDir()
	if err := os.MkdirAll(s.host.ShmDir, 0o1777); err != nil {
		return err
	}
	if err := syscall.Mount("shm", s.host.ShmDir, "tmpfs", syscall.MS_NOSUID|syscall.MS_NOEXEC|syscall.MS_NODEV, "mode=1777,size=64m"); err != nil {
		return fmt.Errorf("mount the pod's shared memory: %w", err)
	}
	return nil
}
