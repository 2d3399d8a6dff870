//go:build linux

package containers

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// Files in a sandbox's directory.
const (
	sandboxFile   = "sandbox.json"
	socketFile    = "shim.sock"
	logFile       = "shim.log"   // what the shim has to say when things go wrong; mostly empty
	containersDir = "containers" // one directory per container
	statusFile    = "status.json"
)

// ContainerDir is where the sandbox keeps what belongs to a container. Below it are status.json, and the parts of its
// root file system: rootfs (the overlay mount), upper (what the container wrote) and work.
func (s Sandbox) ContainerDir(id string) string { return filepath.Join(s.Dir, containersDir, id) }

// UpperDir holds the files that a container has written or changed; its size is the size of the writable layer.
func (s Sandbox) UpperDir(id string) string { return filepath.Join(s.ContainerDir(id), "upper") }

// RootDir is where the container's root file system is mounted.
func (s Sandbox) RootDir(id string) string { return filepath.Join(s.ContainerDir(id), "rootfs") }

// ShmDir is the tmpfs that the sandbox's containers have as /dev/shm, unless they use the host's IPC.
func (s Sandbox) ShmDir() string { return filepath.Join(s.Dir, "shm") }

// UnmountShm undoes the shim's mount there, if it is there.
func (s Sandbox) UnmountShm() error { return unmount(s.ShmDir()) }

// UnmountRoot unmounts a container's root file system, if it is mounted.
func (s Sandbox) UnmountRoot(id string) error { return unmount(s.RootDir(id)) }

func unmount(path string) error {
	err := syscall.Unmount(path, syscall.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
	if err == nil || err == syscall.EINVAL || err == syscall.ENOENT { // not a mount, or not even a directory
		return nil
	}
	return fmt.Errorf("unmount %s: %w", path, err)
}

// CgroupPath is the container's cgroup, absolute from the root of a hierarchy.
func (s Sandbox) CgroupPath(id string) string { return filepath.Join("/", s.CgroupParent, id) }

// ReadSandbox reads what StartShim wrote in dir.
func ReadSandbox(dir string) (Sandbox, error) {
	var s Sandbox
	data, err := os.ReadFile(filepath.Join(dir, sandboxFile))
	if err == nil {
		err = json.Unmarshal(data, &s)
	}
	return s, err
}

// WriteStatus stores a container's status so that a crash at any instant leaves the old or the new.
func (s Sandbox) WriteStatus(status Status) error {
	data, err := json.Marshal(status)
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(s.ContainerDir(status.ID), statusFile), data)
}

// readStatuses returns what the files tell, oldest first. A container whose creation was cut short has none.
func (s Sandbox) readStatuses() ([]Status, error) {
	files, err := filepath.Glob(filepath.Join(s.ContainerDir("*"), statusFile))
	if err != nil {
		return nil, err
	}
	var all []Status
	for _, file := range files {
		var status Status
		data, err := os.ReadFile(file)
		if err == nil {
			err = json.Unmarshal(data, &status)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, status)
	}
	slices.SortFunc(all, func(a, b Status) int { return a.CreatedAt.Compare(b.CreatedAt) })
	return all, nil
}

func writeFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails once renamed
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	return err
}
