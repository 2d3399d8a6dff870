//go:build linux

package images

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

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
	if err != nil {
		return err
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
	for _, digest := range index {
		if needed.Blobs[digest.Hex] {
			continue // under another name
		}
		img, err := s.onDisk(digest)
		if err != nil {
			return Content{}, err
		}
		manifest, config, err := parts(img)
		if err != nil {
			return Content{}, fmt.Errorf("read image %s: %w", digest, err)
		}
		needed.Blobs[digest.Hex] = true
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
	for _, name := range names {
		temp := filepath.Join(s.dir, "tmp", "removed-"+name)
		if err := errors.Join(os.RemoveAll(temp), os.Rename(filepath.Join(s.dir, "layers", name), temp)); err != nil {
			return err
		}
		if err := os.RemoveAll(temp); err != nil {
			return err
		}
	}
	return nil
}

// Usage is what a store takes up on disk.
type Usage struct {
	Bytes  int64 // as allocated by the filesystem
	Inodes int64
}

// Usage counts all files of the store. Each layer is counted once in the life of a Store, since layers never change.
func (s *Store) Usage() (Usage, error) {
	total, err := count(filepath.Join(s.dir, "blobs"))
	if err != nil {
		return Usage{}, err
	}
	layers := map[string]bool{}
	if err := s.list("layers", layers); err != nil {
		return Usage{}, err
	}
	for layer := range layers {
		size, ok := s.sizes.Load(layer)
		if !ok {
			if size, err = count(filepath.Join(s.dir, "layers", layer)); err != nil {
				return Usage{}, err
			}
			s.sizes.Store(layer, size)
		}
		total.Bytes += size.(Usage).Bytes
		total.Inodes += size.(Usage).Inodes
	}
	return total, nil
}

// count adds up all files below dir. Files that go meanwhile count for nothing.
func count(dir string) (Usage, error) {
	var sum Usage
	err := filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		sum.Bytes += info.Sys().(*syscall.Stat_t).Blocks * 512
		sum.Inodes++
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return sum, err
}
