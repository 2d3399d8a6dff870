//go:build linux

package volumes

import (
	"errors"
	"fmt"
	"io"
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
	directory, err := unlinkOrOpen(parent, name)
	if directory == nil {
		return err
	}
	defer directory.Close()
	r := removal{top: directory}
	for {
		names, err := listed(directory)
		if err != nil {
			return err
		}
		if len(names) == 0 {
			return unlinkDirectory(parent, name)
		}
		for _, inner := range names {
			if err := r.remove(directory, inner, 1); err != nil {
				return fmt.Errorf("%s/%w", name, err)
			}
		}
	}
}

// removal is a tree that is being removed. A program may nest directories deeper than a process may open files, and deeper than any path is long. So
// what lies deeper than deepest is moved up into the top, and removed from there.
type removal struct {
	top   *os.File
	moved int // how many directories were moved up, from which each gets its name
}

const deepest = 64

func (r *removal) remove(parent *os.File, name string, depth int) error {
	if depth > deepest {
		return r.moveUp(parent, name)
	}
	directory, err := unlinkOrOpen(parent, name)
	if directory == nil {
		return err
	}
	defer directory.Close()
	names, err := listed(directory)
	if err != nil {
		return err
	}
	for _, inner := range names {
		if err := r.remove(directory, inner, depth+1); err != nil {
			return fmt.Errorf("%s/%w", name, err)
		}
	}
	return unlinkDirectory(parent, name)
}

// moveUp moves a name into the top, under one that is free there. What is mounted does not move, nor does what lies in another file system.
func (r *removal) moveUp(parent *os.File, name string) error {
	for {
		r.moved++
		free := fmt.Sprintf(".removed-%d", r.moved)
		err := unix.Renameat2(int(parent.Fd()), name, int(r.top.Fd()), free, unix.RENAME_NOREPLACE)
		switch {
		case errors.Is(err, unix.EEXIST):
			continue
		case err != nil && !errors.Is(err, unix.ENOENT):
			return fmt.Errorf("%s: move it up: %w", name, err)
		}
		return nil
	}
}

// unlinkOrOpen removes what is no directory, and opens what is one. Nil: there is nothing, any more.
func unlinkOrOpen(parent *os.File, name string) (*os.File, error) {
	err := unix.Unlinkat(int(parent.Fd()), name, 0)
	if err == nil || errors.Is(err, unix.ENOENT) {
		return nil, nil
	}
	if !errors.Is(err, unix.EISDIR) && !errors.Is(err, unix.EPERM) {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	how := unix.OpenHow{Flags: unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC | unix.O_RDONLY,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_XDEV | unix.RESOLVE_NO_SYMLINKS}
	fd, err := unix.Openat2(int(parent.Fd()), name, &how)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

// listed are the names in a directory as it is now.
func listed(directory *os.File) ([]string, error) {
	if _, err := directory.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	return directory.Readdirnames(-1)
}

func unlinkDirectory(parent *os.File, name string) error {
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
