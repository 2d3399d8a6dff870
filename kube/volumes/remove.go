//go:build linux

package volumes

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Remove removes the volumes, and nothing that is the node's.
func (d Directory) Remove() error {
	return errors.Join(RemoveTree(filepath.Join(d.Path, "volume-subpaths")), RemoveTree(d.volumes()))
}

// RemoveTree removes a directory and all that is in it. What is mounted there is unmounted first. It follows no link, and enters nothing that
// is mounted all the same: whatever a container has left there, what lies elsewhere stays.
func RemoveTree(path string) error {
	above, err := filepath.EvalSymlinks(filepath.Dir(path)) // the kernel tells of mounts by their real paths
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	path = filepath.Join(above, filepath.Base(path))
	mounts, err := mountsBelow(path)
	if err != nil {
		return err
	}
	for _, at := range mounts {
		if err := unix.Unmount(at, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("unmount %s: %w", at, err)
		}
	}
	parent, err := os.Open(above)
	if err != nil {
		return err
	}
	defer parent.Close()
	if err := remove(parent, filepath.Base(path)); err != nil {
		return fmt.Errorf("remove %s: %w", path, err)
	}
	return nil
}

// remove removes one name, a directory with what is in it.
func remove(parent *os.File, name string) error {
	err := unix.Unlinkat(int(parent.Fd()), name, 0)
	if err == nil || errors.Is(err, unix.ENOENT) {
		return nil
	}
	if !errors.Is(err, unix.EISDIR) && !errors.Is(err, unix.EPERM) {
		return fmt.Errorf("%s: %w", name, err)
	}
	how := unix.OpenHow{Flags: unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC | unix.O_RDONLY,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_XDEV | unix.RESOLVE_NO_SYMLINKS}
	fd, err := unix.Openat2(int(parent.Fd()), name, &how)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	directory := os.NewFile(uintptr(fd), name)
	defer directory.Close()
	names, err := directory.Readdirnames(-1)
	if err != nil {
		return err
	}
	for _, inner := range names {
		if err := remove(directory, inner); err != nil {
			return fmt.Errorf("%s/%w", name, err)
		}
	}
	if err := unix.Unlinkat(int(parent.Fd()), name, unix.AT_REMOVEDIR); err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// mountsBelow are the places at or below a path where something is mounted, the last mount first.
func mountsBelow(path string) ([]string, error) {
	content, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	var found []string
	for line := range strings.Lines(string(content)) {
		fields := strings.Fields(line) // proc(5): the fifth is the mount point
		if len(fields) < 5 {
			continue
		}
		if at := unescaped.Replace(fields[4]); at == path || strings.HasPrefix(at, path+"/") {
			found = append(found, at)
		}
	}
	slices.Reverse(found)
	return found, nil
}

// unescaped undoes what the kernel writes for those bytes of a path that would end a field or a line.
var unescaped = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
