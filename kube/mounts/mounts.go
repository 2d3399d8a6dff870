//go:build linux

package mounts

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Below are the places at or below a path where something is mounted, the last mount first. The path has no links in it.
func Below(path string) ([]string, error) {
	content, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("list mounts: %w", err)
	}
	var places []string
	for line := range strings.Lines(string(content)) { // of any length: what is mounted may lie deep
		fields := strings.SplitN(line, " ", 6) // proc(5): the fifth is the mount point. No other space parts them
		if len(fields) < 6 {
			continue
		}
		if place := unescaped.Replace(fields[4]); place == path || strings.HasPrefix(place, path+"/") {
			places = append(places, place)
		}
	}
	slices.Reverse(places)
	return places, nil
}

// unescaped undoes what the kernel writes for those bytes of a path that would end a field or a line.
var unescaped = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)

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
