//go:build linux

package images

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Usage is what some files take up on disk.
type Usage struct {
	Bytes  uint64 // blocks on disk, so a hole counts nothing
	Inodes uint64
}

// Usage returns what the store takes up. A layer never changes, so each is looked through only once.
func (s *Store) Usage() (Usage, error) {
	s.usage.Lock()
	defer s.usage.Unlock()
	layers := map[string]bool{}
	if err := s.list("layers", layers); err != nil {
		return Usage{}, err
	}
	known := map[string]Usage{}
	var sum Usage
	for layer := range layers {
		usage, ok := s.layerUsage[layer]
		if !ok {
			var err error
			if usage, err = DiskUsage(filepath.Join(s.dir, "layers", layer)); err != nil {
				return Usage{}, err
			}
		}
		known[layer] = usage
		sum = sum.plus(usage)
	}
	s.layerUsage = known
	rest, err := DiskUsage(filepath.Join(s.dir, "blobs"))
	return sum.plus(rest), err
}

func (u Usage) plus(other Usage) Usage { return Usage{u.Bytes + other.Bytes, u.Inodes + other.Inodes} }

// DiskUsage adds up everything below dir on its filesystem. A file with several names counts once, and what goes away meanwhile may count or not.
func DiskUsage(dir string) (Usage, error) {
	var sum Usage
	var device uint64
	seen := map[uint64]bool{} // inodes with several names
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		var info fs.FileInfo
		if err == nil {
			info, err = entry.Info()
		}
		if errors.Is(err, os.ErrNotExist) {
			return nil
		} else if err != nil {
			return err
		}
		about := info.Sys().(*syscall.Stat_t)
		if device == 0 {
			device = about.Dev
		}
		if about.Dev != device {
			return filepath.SkipDir // a mount: a container's view of files that are counted elsewhere
		}
		if about.Nlink > 1 && !info.IsDir() {
			if seen[about.Ino] {
				return nil
			}
			seen[about.Ino] = true
		}
		sum = sum.plus(Usage{uint64(about.Blocks) * 512, 1})
		return nil
	})
	return sum, err
}
