//go:build linux

// Package containerstest is for tests that run real containers: what they need of the machine, and how they stay out of its way.
package containerstest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"

	"github.com/vishvananda/netlink"
)

// Busybox is the program that the tests' images are made of.
const Busybox = "/bin/busybox"

// Missing says why real containers cannot be run here, and is empty if they can.
func Missing() string {
	if os.Geteuid() != 0 {
		return "needs root: it makes namespaces, mounts and cgroups"
	}
	if _, err := os.Stat(Busybox); err != nil {
		return "needs /bin/busybox, linked statically (Debian: apt-get install busybox-static)"
	}
	_, err := exec.LookPath("go")
	if _, none := os.Stat("/usr/include/seccomp.h"); err == nil && none != nil {
		return "needs libseccomp's headers (Debian: apt-get install libseccomp-dev pkg-config)"
	}
	return ""
}

// BuildShim builds kube-shim at path, with further flags of go build, and kube-pause beside it. A machine without Go, as those of scripts/vm
// are, gets those that scripts/build made.
func BuildShim(path string, flags ...string) error {
	if _, err := exec.LookPath("go"); err != nil {
		return errors.Join(copyBuilt("kube-shim", path), copyBuilt(pause, filepath.Join(filepath.Dir(path), pause)))
	}
	if err := build("kube-shim", path, append(flags, "-tags", "seccomp")...); err != nil {
		return err
	}
	return build(pause, filepath.Join(filepath.Dir(path), pause))
}

const pause = "kube-pause"

func build(program, path string, flags ...string) error {
	args := slices.Concat([]string{"build", "-o", path}, flags, []string{"kubelab/kube/cmd/" + program})
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", program, err, out)
	}
	return nil
}

func copyBuilt(name, path string) error {
	_, here, _, _ := runtime.Caller(0)
	program, err := os.ReadFile(filepath.Join(filepath.Dir(here), "..", "..", "..", "bin", name))
	if err != nil {
		return fmt.Errorf("without Go, run scripts/build first: %w", err)
	}
	return os.WriteFile(path, program, 0o755)
}

// OwnNamespaces gives a process network, mounts and process numbers of its own. It begins with [SettleIn].
func OwnNamespaces() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWPID, Pdeathsig: syscall.SIGKILL}
}

// SettleIn makes new namespaces habitable.
func SettleIn() error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := syscall.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return err
	}
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	return netlink.LinkSetUp(lo)
}

// RunInside runs the test program anew in namespaces of its own, with a setting in its environment by which it knows,
// and returns its exit code.
func RunInside(setting string) int {
	again := exec.Command("/proc/self/exe", os.Args[1:]...)
	again.Env = append(os.Environ(), setting)
	again.Stdin, again.Stdout, again.Stderr = os.Stdin, os.Stdout, os.Stderr
	again.SysProcAttr = OwnNamespaces()
	if again.Run() != nil {
		return 1
	}
	return 0
}
