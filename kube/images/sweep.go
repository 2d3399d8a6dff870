//go:build linux

package images

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// sweep deletes content that no image needs, and what is left over in tmp/. While somebody adds an image, nobody can tell which content will be
// needed: then nothing is deleted, and the next sweep does it.
func (s *Store) sweep() error {
	release, err := s.lockContent(exclusive | unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil
	}
	if err != nil {
		return err
	}
	defer release()
	needed, err := s.needed()
	if err != nil { // nobody knows what may go
		slog.Error("no content of the image store is deleted: pull or load the image that cannot be read again, or remove it", "store", s.dir, "error", err)
		return nil
	}
	has := Content{Blobs: map[string]bool{}, Layers: map[string]bool{}}
	temps := map[string]bool{}
	err = errors.Join(
		s.list("blobs/sha256", has.Blobs),
		s.list("layers", has.Layers),
		s.list("tmp", temps))
	if err != nil {
		return err
	}
	blobs, layers := PlanSweep(needed, has)
	return errors.Join(
		s.removeAll("blobs/sha256", blobs),
		s.removeLayers(layers),
		s.removeAll("tmp", missing(temps, nil)))
}

// needed is the content of all images that have a name.
func (s *Store) needed() (Content, error) {
	needed := Content{Blobs: map[string]bool{}, Layers: map[string]bool{}}
	index, err := s.names()
	if err != nil {
		return Content{}, err
	}
	for _, about := range index {
		if needed.Blobs[about.Digest.Hex] {
			continue // under another name
		}
		manifest, config, err := s.onDisk(about)
		if err != nil {
			return Content{}, err
		}
		needed.Blobs[about.Digest.Hex] = true
		for _, part := range append(manifest.Layers, manifest.Config) {
			needed.Blobs[part.Digest.Hex] = true
		}
		for _, diffID := range config.RootFS.DiffIDs {
			needed.Layers[diffID.Hex] = true
		}
	}
	return needed, nil
}

// list adds the names in a directory of the store to names.
func (s *Store) list(dir string, names map[string]bool) error {
	entries, err := os.ReadDir(filepath.Join(s.dir, dir))
	for _, e := range entries {
		names[e.Name()] = true
	}
	return err
}

func (s *Store) removeAll(dir string, names []string) error {
	var failures []error
	for _, name := range names {
		failures = append(failures, os.RemoveAll(filepath.Join(s.dir, dir, name)))
	}
	return errors.Join(failures...)
}

// removeLayers moves each layer out of sight before it deletes it: a layer that is there is always whole.
func (s *Store) removeLayers(names []string) error {
	var failures []error
	for _, name := range names {
		temp := filepath.Join(s.dir, "tmp", "removed-"+name)
		err := errors.Join(os.RemoveAll(temp), os.Rename(filepath.Join(s.dir, "layers", name), temp))
		if err == nil {
			err = os.RemoveAll(temp)
		}
		failures = append(failures, err)
	}
	return errors.Join(failures...)
}
