//go:build linux

package volumes

import (
	"errors"
	"os"
	"path/filepath"

	"kubelab/kube/mounts"
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
	if err := mounts.Drop(path); err != nil {
		return err
	}
	return removal.All(path)
}
