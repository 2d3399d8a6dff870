//go:build linux

package volumes

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"golang.org/x/sys/unix"
)

const (
	sector   = 512 // the unit in which the kernel counts a file's blocks, whatever the file system's are
	maxDepth = 500 // of the directories that are measured, one in the other
	atOnce   = 256 // names of a directory that are read at a time: there may be millions
)

// Used is how many bytes of the disk a volume takes. It stops as soon as they are more than limit. A file with several names counts once; what is
// mounted in the volume, or what a container removes or moves meanwhile, may not count at all. No link is followed. A tree that is more than 500 directories
// deep counts as larger than any limit: no program needs one, and what lay deeper could not be measured.
func (d Directory) Used(volume string, limit int64) (int64, error) {
	top, err := os.Open(d.volume(volume))
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	} else if err != nil {
		return 0, err
	}
	defer top.Close()
	m := measure{limit: limit, seen: map[file]bool{}}
	var about unix.Stat_t
	if err := unix.Fstat(int(top.Fd()), &about); err != nil {
		return 0, fmt.Errorf("measure %s: %w", top.Name(), err)
	}
	m.count(about)
	err = m.directory(top, 1)
	return m.bytes, err
}

// file is one of a disk, whatever its names.
type file struct{ device, inode uint64 }

// measure is what was found so far.
type measure struct {
	limit, bytes int64
	seen         map[file]bool // those with several names
}

func (m *measure) count(about unix.Stat_t) {
	if is := (file{about.Dev, about.Ino}); about.Mode&unix.S_IFMT != unix.S_IFDIR && about.Nlink > 1 && about.Blocks > 0 {
		if m.seen[is] {
			return
		}
		m.seen[is] = true
	}
	m.bytes += about.Blocks * sector
}

func (m *measure) directory(at *os.File, depth int) error {
	for {
		names, err := at.Readdirnames(atOnce)
		if errors.Is(err, io.EOF) || errors.Is(err, unix.ENOENT) {
			return nil
		} else if err != nil {
			return fmt.Errorf("measure %s: %w", at.Name(), err)
		}
		for _, name := range names {
			if m.bytes > m.limit {
				return nil
			}
			if err := m.entry(at, name, depth); err != nil {
				return err
			}
		}
	}
}

func (m *measure) entry(in *os.File, name string, depth int) error {
	var about unix.Stat_t
	err := unix.Fstatat(int(in.Fd()), name, &about, unix.AT_SYMLINK_NOFOLLOW)
	if errors.Is(err, unix.ENOENT) {
		return nil
	} else if err != nil {
		return fmt.Errorf("measure %s: %w", name, err)
	}
	m.count(about)
	switch {
	case about.Mode&unix.S_IFMT != unix.S_IFDIR:
		return nil
	case depth == maxDepth:
		m.bytes = math.MaxInt64
		return nil
	}
	how := unix.OpenHow{Flags: unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC | unix.O_RDONLY,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_XDEV | unix.RESOLVE_NO_SYMLINKS}
	fd, err := unix.Openat2(int(in.Fd()), name, &how)
	switch {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ELOOP), errors.Is(err, unix.EXDEV):
		return nil // something else has the name by now, or it is mounted
	case err != nil:
		return fmt.Errorf("measure %s: %w", name, err)
	}
	directory := os.NewFile(uintptr(fd), name)
	defer directory.Close()
	return m.directory(directory, depth+1)
}
