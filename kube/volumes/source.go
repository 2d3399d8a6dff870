//go:build linux

package volumes

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// Source is what is to be mounted into a container. A part of a volume gets a place of its own, where it is mounted: the name by which a
// container could have put something else in its place is not looked up again.
func (d Directory) Source(v Volume, m Mount, container string) (string, error) {
	at := d.volume(v.Name)
	if v.Host != nil {
		at = v.Host.Path
	}
	if m.SubPath == "" {
		return at, nil
	}
	part, err := openPart(at, m.SubPath)
	if err != nil {
		return "", fmt.Errorf("failed to prepare subPath for volumeMount %q of container %q: %w", v.Name, container, err)
	}
	defer part.Close()
	place := filepath.Join(d.Path, "volume-subpaths", v.Name, container, strconv.Itoa(m.Index))
	if err := mountAt(part, place); err != nil {
		return "", fmt.Errorf("mount subPath %q of volume %s: %w", m.SubPath, v.Name, err)
	}
	return place, nil
}

// openPart opens what stands at a path below a volume's root, as a handle to mount it by. What is not there is made, as a directory with the
// mode of the root. No link and no ".." leads out of the volume: the kernel sees to that, while containers move things about.
func openPart(root, path string) (*os.File, error) {
	volume, err := os.OpenRoot(root)
	if err != nil {
		return nil, err
	}
	defer volume.Close()
	base, err := volume.Open(".")
	if err != nil {
		return nil, err
	}
	defer base.Close()
	part, err := openBeneath(base, path)
	if errors.Is(err, fs.ErrNotExist) {
		info, statErr := base.Stat()
		if statErr != nil {
			return nil, statErr
		}
		mode := info.Mode() & (fs.ModePerm | fs.ModeSetgid)
		if err := volume.MkdirAll(path, mode.Perm()); err != nil {
			return nil, err
		}
		if err := volume.Chmod(path, mode); err != nil { // whatever the umask
			return nil, err
		}
		part, err = openBeneath(base, path)
	}
	return part, err
}

func openBeneath(base *os.File, path string) (*os.File, error) {
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_MAGICLINKS}
	for {
		fd, err := unix.Openat2(int(base.Fd()), path, &how)
		switch {
		case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR): // something was renamed meanwhile
			continue
		case err != nil:
			return nil, &fs.PathError{Op: "open", Path: path, Err: err}
		}
		return os.NewFile(uintptr(fd), path), nil
	}
}

// mountAt mounts what a handle stands for at a place, with what is mounted below it, in the stead of what was there.
func mountAt(part *os.File, place string) error {
	info, err := part.Stat()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(place), private); err != nil {
		return err
	}
	if err := unix.Unmount(place, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
		return err
	}
	if err := os.Remove(place); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if info.IsDir() {
		err = os.Mkdir(place, private)
	} else {
		err = os.WriteFile(place, nil, 0o600)
	}
	if err != nil {
		return err
	}
	tree, err := unix.OpenTree(int(part.Fd()), "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE|unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return err
	}
	defer unix.Close(tree)
	return unix.MoveMount(tree, "", unix.AT_FDCWD, place, unix.MOVE_MOUNT_F_EMPTY_PATH)
}
