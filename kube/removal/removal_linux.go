package removal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// maxOpen is how many directories, one in the other, are open at once.
const maxOpen = 64

// atOnce is how many names of a directory are read at a time: there may be millions.
const atOnce = 256

// tree is a directory that is being removed.
type tree struct {
	top   *os.File
	named int // how many names were thought of for what lay too deep
}

func all(path string) error {
	above, name := filepath.Split(filepath.Clean(path))
	parent, err := os.Open(filepath.Clean(above))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	defer parent.Close()
	if err := removeFrom(parent, name); err != nil {
		return fmt.Errorf("remove %s: %w", path, err)
	}
	return nil
}

// removeFrom removes a name, which may be that of a tree.
func removeFrom(parent *os.File, name string) error {
	if gone, err := unlink(parent, name); gone || err != nil {
		return err
	}
	top, err := open(parent, name)
	if err != nil {
		return err
	}
	defer top.Close()
	t := &tree{top: top}
	if err := t.empty(top, 1); err != nil {
		return err
	}
	return unlinkDirectory(parent, name)
}

// remove removes a name from a directory of the tree. A directory that lies too deep is only put aside.
func (t *tree) remove(from *os.File, name string, depth int) error {
	if gone, err := unlink(from, name); gone || err != nil {
		return err
	}
	if depth == maxOpen {
		return t.raise(from, name)
	}
	directory, err := open(from, name)
	if err != nil {
		return err
	}
	defer directory.Close()
	if err := t.empty(directory, depth+1); err != nil {
		return fmt.Errorf("%s/%w", name, err)
	}
	return unlinkDirectory(from, name)
}

// empty removes what is in a directory, and looks again until there is nothing: what lay too deep comes to stand in the top one.
func (t *tree) empty(directory *os.File, depth int) error {
	for {
		n, err := t.pass(directory, depth)
		if n == 0 || err != nil {
			return err
		}
		if _, err := directory.Seek(0, io.SeekStart); err != nil {
			return err
		}
	}
}

// pass removes what is in a directory from where it was read to, and returns how many names it found.
func (t *tree) pass(directory *os.File, depth int) (n int, err error) {
	for {
		names, err := directory.Readdirnames(atOnce)
		if errors.Is(err, io.EOF) {
			return n, nil
		} else if err != nil {
			return n, err
		}
		for _, name := range names {
			if err := t.remove(directory, name, depth); err != nil {
				return n, err
			}
		}
		n += len(names)
	}
}

// raise moves a directory to the top of the tree, under a name that nothing has there.
func (t *tree) raise(from *os.File, name string) error {
	for {
		t.named++
		as := "raised-" + strconv.Itoa(t.named)
		err := unix.Renameat2(int(from.Fd()), name, int(t.top.Fd()), as, unix.RENAME_NOREPLACE)
		switch {
		case errors.Is(err, unix.EEXIST):
			continue
		case errors.Is(err, unix.ENOENT):
			return nil
		case err != nil:
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	}
}

// unlink removes what is no directory, and says whether nothing has that name any more.
func unlink(from *os.File, name string) (gone bool, err error) {
	err = unix.Unlinkat(int(from.Fd()), name, 0)
	switch {
	case err == nil, errors.Is(err, unix.ENOENT):
		return true, nil
	case errors.Is(err, unix.EISDIR), errors.Is(err, unix.EPERM):
		return false, nil
	}
	return false, fmt.Errorf("%s: %w", name, err)
}

func unlinkDirectory(from *os.File, name string) error {
	if err := unix.Unlinkat(int(from.Fd()), name, unix.AT_REMOVEDIR); err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// open opens a directory by its name, no link and nothing that is mounted.
func open(from *os.File, name string) (*os.File, error) {
	how := unix.OpenHow{Flags: unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC | unix.O_RDONLY,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_XDEV | unix.RESOLVE_NO_SYMLINKS}
	fd, err := unix.Openat2(int(from.Fd()), name, &how)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return os.NewFile(uintptr(fd), name), nil
}
