//go:build linux

package volumes

import (
	"errors"
	"io/fs"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// sector is the unit in which the kernel counts a file's blocks, whatever the file system's are.
const sector = 512

// Used is how many bytes of the disk a volume takes. A file with several names counts once, and what a container removes meanwhile not at all. It follows
// no link. What lies deeper than a path can be long is not counted.
func (d Directory) Used(volume string) (int64, error) {
	type file struct{ device, inode uint64 }
	seen := map[file]bool{}
	var bytes int64
	err := filepath.WalkDir(d.volume(volume), func(_ string, entry fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case errors.Is(err, unix.ENAMETOOLONG):
			return fs.SkipDir
		case err != nil:
			return err
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENAMETOOLONG) {
			return nil
		}
		if err != nil {
			return err
		}
		about := info.Sys().(*syscall.Stat_t)
		if is := (file{about.Dev, about.Ino}); about.Nlink < 2 || !seen[is] {
			seen[is] = about.Nlink > 1
			bytes += about.Blocks * sector
		}
		return nil
	})
	return bytes, err
}
