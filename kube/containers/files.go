//go:build linux

package containers

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"kubelab/kube/atomicfile"
)

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

// ReadSandbox reads what StartShim wrote in dir.
func ReadSandbox(dir string) (Sandbox, error) {
	var s Sandbox
	data, err := os.ReadFile(filepath.Join(dir, sandboxFile))
	if err == nil {
		err = json.Unmarshal(data, &s)
	}
	return s, err
}

// WriteStatus stores a container's status so that a kill at any instant leaves the old or the new. Only an exit is
// flushed to the disk (which takes milliseconds): a power cut ends the container too, whatever its file says.
func (s Sandbox) WriteStatus(status Status) error {
	status.Note = "" // it has a file of its own, which never changes
	data, err := json.Marshal(status)
	if err != nil {
		return err
	}
	write := atomicfile.Replace
	if status.State == Exited {
		write = atomicfile.Write
	}
	return write(filepath.Join(s.ContainerDir(status.ID), statusFile), data, modeState)
}

// WriteNote stores a container's note, before its first status.
func (s Sandbox) WriteNote(id, note string) error {
	return atomicfile.Write(filepath.Join(s.ContainerDir(id), noteFile), []byte(note), modeState)
}

// readStatuses returns what the files tell, oldest first. A container whose creation was cut short has none.
func (s Sandbox) readStatuses() ([]Status, error) {
	files, err := filepath.Glob(filepath.Join(s.ContainerDir("*"), statusFile))
	if err != nil {
		return nil, err
	}
	var all []Status
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var status Status
		if json.Unmarshal(data, &status) != nil { // a power cut came before it was on the disk
			status = Status{ID: filepath.Base(filepath.Dir(file)), State: Created}
		}
		note, err := os.ReadFile(filepath.Join(filepath.Dir(file), noteFile))
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // a container without a note can still be removed
			return nil, err
		}
		status.Note = string(note)
		all = append(all, status)
	}
	slices.SortFunc(all, func(a, b Status) int { return a.CreatedAt.Compare(b.CreatedAt) })
	return all, nil
}
