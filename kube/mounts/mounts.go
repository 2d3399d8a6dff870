//go:build linux

package mounts

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// Below are the places at or below a path where something is mounted, the last mount first. The path has no links in it.
func Below(path string) ([]string, error) {
	infos, err := mountinfo.GetMounts(mountinfo.PrefixFilter(path))
	if err != nil {
		return nil, fmt.Errorf("list mounts: %w", err)
	}
	var places []string
	for _, info := range slices.Backward(infos) {
		places = append(places, info.Mountpoint)
	}
	return places, nil
}

// Drop unmounts what is mounted at or below a path, which has no links in it. Whoever has something of it open keeps it.
func Drop(path string) error {
	places, err := Below(path)
	for _, place := range places {
		if e := unmount(place); e != nil {
			err = errors.Join(err, fmt.Errorf("unmount %s: %w", place, e))
		}
	}
	return err
}

// unmount takes the uppermost mount at a place away. It is no error if there is none any more, or if a link leads there by now.
func unmount(place string) error {
	fd, err := unix.Openat2(unix.AT_FDCWD, place, &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS})
	if err == nil {
		defer unix.Close(fd)
		err = unix.Unmount("/proc/self/fd/"+strconv.Itoa(fd), unix.MNT_DETACH)
	}
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENOTDIR) {
		return nil
	}
	return err
}
