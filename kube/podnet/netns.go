//go:build linux

package podnet

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// threadNS leads to the network namespace of the thread that opens it. A namespace belongs to a thread, not to a process, and the Go
// runtime moves goroutines between threads: whoever changes it locks the goroutine to its thread first.
const threadNS = "/proc/thread-self/ns/net"

// Do calls fn on a thread that is inside the network namespace at path, and returns its error. Sockets that fn opens stay in that
// namespace wherever they are used later; a child process that fn starts is born in it. Goroutines that fn starts are not inside (so
// dial an IP, not a name: the resolver may use others).
func Do(path string, fn func() error) error {
	return onOwnThread(func() error {
		if err := enter(path); err != nil {
			return err
		}
		return fn()
	})
}

// NewNetNS makes a network namespace with nothing in it but a loopback interface that is down, and keeps it alive at path, a file that it
// makes, by a bind mount. It is an error if path is there already.
func NewNetNS(path string) error {
	return newNetNS(path, func() error { return nil })
}

// newNetNS is NewNetNS that calls fn inside the new namespace before it returns.
func newNetNS(path string, fn func() error) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL, 0o444)
	if err != nil {
		return fmt.Errorf("make a file for the namespace: %w", err)
	}
	f.Close()
	return onOwnThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return errors.Join(fmt.Errorf("make network namespace: %w", err), os.Remove(path))
		}
		if err := unix.Mount(threadNS, path, "", unix.MS_BIND, ""); err != nil {
			return errors.Join(fmt.Errorf("bind network namespace at %s: %w", path, err), os.Remove(path))
		}
		return fn()
	})
}

// RemoveNetNS undoes NewNetNS: the kernel frees the namespace, and its interfaces, as soon as no process is inside. It is
// no error if nothing is there.
func RemoveNetNS(path string) error {
	err := unix.Unmount(path, unix.MNT_DETACH)
	if err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) { // EINVAL: a file, not a mount
		return fmt.Errorf("unmount network namespace %s: %w", path, err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove network namespace: %w", err)
	}
	return nil
}

// isNetNS says whether path is a live namespace: a mount of the kernel's nsfs.
func isNetNS(path string) bool {
	var fs unix.Statfs_t
	return unix.Statfs(path, &fs) == nil && fs.Type == unix.NSFS_MAGIC
}

// onOwnThread calls fn on a locked thread, and takes the thread back to its namespace afterwards. A thread for which that does not work is
// never unlocked: it ends with its goroutine, so no other goroutine can find itself in the wrong network.
func onOwnThread(fn func() error) error {
	runtime.LockOSThread()
	home, err := os.Open(threadNS)
	if err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("open the thread's network namespace: %w", err)
	}
	defer func() {
		if unix.Setns(int(home.Fd()), unix.CLONE_NEWNET) == nil {
			runtime.UnlockOSThread()
		}
		home.Close()
	}()
	return fn()
}

// enter moves the calling thread, which must be locked, into the namespace at path.
func enter(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("open network namespace: %w", err)
	}
	defer f.Close()
	if err := unix.Setns(int(f.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter network namespace %s: %w", path, err)
	}
	return nil
}
