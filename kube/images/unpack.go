//go:build linux

package images

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"time"

	"golang.org/x/sys/unix"
)

// unpacker unpacks one layer into the directory of root.
type unpacker struct {
	root   *os.Root
	budget *budget
	buffer []byte
	dirs   []dirTime // whose times are still to be set
}

type dirTime struct {
	path string
	time time.Time
}

// unpack unpacks the tar archive of a layer into dir, which exists and is empty. A whiteout becomes what overlayfs takes for one: a
// character device 0/0, or the attribute trusted.overlay.opaque on a directory (the kernel's Documentation/filesystems/overlayfs.rst). It
// never writes outside dir, whatever the archive says.
func unpack(dir string, archive io.Reader, allowed *budget) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	u := &unpacker{root: root, budget: allowed, buffer: make([]byte, 16*blockSize)}
	entries := tar.NewReader(archive)
	for {
		header, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return u.setTimes()
		}
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) { // PlanEntry makes the path a secure one
			return fmt.Errorf("read layer: %w", err)
		}
		if err := allowed.take(limits{bytes: header.Size, entries: 1}); err != nil {
			return err
		}
		entry, err := PlanEntry(header)
		if err == nil {
			err = u.unpackEntry(entry, header, entries)
		}
		if err != nil {
			return fmt.Errorf("unpack %s %q: %w", entry.Kind, header.Name, err)
		}
	}
}

func (u *unpacker) unpackEntry(e Entry, h *tar.Header, content io.Reader) error {
	if e.Kind == Skipped {
		return nil
	}
	if err := u.root.MkdirAll(path.Dir(e.Path), 0o755); err != nil {
		return err
	}
	switch e.Kind {
	case Whiteout:
		return u.whiteout(e.Path)
	case Opaque:
		if err := u.root.MkdirAll(e.Path, 0o755); err != nil {
			return err
		}
		return u.setXattrs(e.Path, opaque)
	case Directory:
		return u.directory(e, h)
	}

	if err := u.root.RemoveAll(e.Path); err != nil { // a later entry of the same name wins
		return err
	}
	switch e.Kind {
	case File:
		return u.file(e, h, content)
	case HardLink:
		return u.root.Link(e.Target, e.Path)
	case Symlink:
		if err := u.root.Symlink(e.Target, e.Path); err != nil {
			return err
		}
		return u.root.Lchown(e.Path, h.Uid, h.Gid)
	case Fifo:
		if err := u.mknod(e.Path, unix.S_IFIFO); err != nil {
			return err
		}
		return u.ownerAndMode(e, h)
	}
	return nil
}

// file writes a regular file.
func (u *unpacker) file(e Entry, h *tar.Header, content io.Reader) error {
	f, err := u.root.OpenFile(e.Path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	err = writeWithHoles(f, content, u.buffer, func(n int64) error { return u.budget.take(limits{written: n}) })
	// The owner before the mode and the capabilities: a change of owner takes setuid bits and capabilities away.
	err = errors.Join(err, f.Chown(h.Uid, h.Gid), f.Chmod(e.Mode), fsetxattrs(f, e.Xattrs), f.Close())
	if err != nil {
		return err
	}
	return u.root.Chtimes(e.Path, h.ModTime, h.ModTime)
}

// directory makes a directory, or changes the one that is there. One that takes the place of a whiteout hides what lower layers have in it.
func (u *unpacker) directory(e Entry, h *tar.Header) error {
	var attrs map[string][]byte
	if info, err := u.root.Lstat(e.Path); err == nil && !info.IsDir() {
		if isWhiteout(info) {
			attrs = opaque
		}
		if err := u.root.Remove(e.Path); err != nil {
			return err
		}
	}
	if err := u.root.Mkdir(e.Path, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	u.dirs = append(u.dirs, dirTime{e.Path, h.ModTime})
	return errors.Join(u.ownerAndMode(e, h), u.setXattrs(e.Path, attrs), u.setXattrs(e.Path, e.Xattrs))
}

// whiteout hides p of the lower layers. What this layer itself has at p stays: the order of entries has no meaning.
func (u *unpacker) whiteout(p string) error {
	info, err := u.root.Lstat(p)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return u.mknod(p, unix.S_IFCHR)
	case err != nil:
		return err
	case info.IsDir():
		return u.setXattrs(p, opaque)
	}
	return nil
}

// opaque is what overlayfs wants to see on a directory that hides those below it.
var opaque = map[string][]byte{"trusted.overlay.opaque": []byte("y")}

func isWhiteout(info fs.FileInfo) bool { return info.Mode()&fs.ModeCharDevice != 0 }

func (u *unpacker) ownerAndMode(e Entry, h *tar.Header) error {
	if err := u.root.Lchown(e.Path, h.Uid, h.Gid); err != nil {
		return err
	}
	return u.root.Chmod(e.Path, e.Mode)
}

// mknod makes a special file: a fifo, or the character device 0/0.
func (u *unpacker) mknod(p string, kind uint32) error {
	parent, err := u.root.Open(path.Dir(p))
	if err != nil {
		return err
	}
	defer parent.Close()
	return unix.Mknodat(int(parent.Fd()), path.Base(p), kind|0o600, 0)
}

// setXattrs sets extended attributes of a directory.
func (u *unpacker) setXattrs(dir string, attrs map[string][]byte) error {
	if len(attrs) == 0 {
		return nil
	}
	f, err := u.root.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return fsetxattrs(f, attrs)
}

func fsetxattrs(f *os.File, attrs map[string][]byte) error {
	for attr, value := range attrs {
		if err := unix.Fsetxattr(int(f.Fd()), attr, value, 0); err != nil {
			return fmt.Errorf("set %s: %w", attr, err)
		}
	}
	return nil
}

// setTimes gives the directories their times, which the files that came into them changed.
func (u *unpacker) setTimes() error {
	for _, dir := range u.dirs {
		info, err := u.root.Lstat(dir.path)
		if err != nil || !info.IsDir() { // a later entry took its place
			continue
		}
		if err := u.root.Chtimes(dir.path, dir.time, dir.time); err != nil {
			return err
		}
	}
	return nil
}
