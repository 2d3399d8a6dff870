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

	"kubelab/kube/removal"
)

// Remove removes the volumes, and nothing that is the node's.
func (d Directory) Remove() error {
	return errors.Join(RemoveTree(filepath.Join(d.Path, "volume-subpaths")), RemoveTree(d.volumes()))
}

// RemoveTree removes a directory and all that is in it (package removal). What is mounted there is unmounted first.
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
	return removal.All(path)
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
