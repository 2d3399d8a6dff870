package labs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"kubelab/kube/fsuser"
)

// Folder is where a lab's files lie, below a home.
func (l *Lab) Folder() string { return path.Join("kubelab-labs", l.Name) }

// Unpack puts the lab's files below a home, and leaves those alone that are there, as a student may have changed them.
// With again it replaces them. It is the owner who does it, so root can be led nowhere: no link is followed that leads out of
// the home, and what is no file is neither opened nor replaced.
func (l *Lab) Unpack(home string, owner fsuser.User, again bool) error {
	return owner.Do(func() error { return l.unpackAll(home, again) })
}

func (l *Lab) unpackAll(home string, again bool) error {
	root, err := os.OpenRoot(home)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, dir := range []string{path.Dir(l.Folder()), l.Folder()} {
		if err := makeFolder(root, dir); err != nil {
			return err
		}
	}
	return fs.WalkDir(l.files, ".", func(name string, entry fs.DirEntry, err error) error {
		switch to := path.Join(l.Folder(), name); {
		case err != nil || name == "." || name == "lab.yaml":
			return err
		case entry.IsDir():
			return makeFolder(root, to)
		default:
			return l.unpack(root, name, to, again)
		}
	})
}

func makeFolder(root *os.Root, name string) error {
	err := root.Mkdir(name, 0o755)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	found, err := root.Lstat(name)
	if err == nil && !found.IsDir() {
		return inTheWay(root, name, "folder")
	}
	return err
}

// unpack makes a file that was not there before: what is opened is always a new one.
func (l *Lab) unpack(root *os.Root, name, to string, again bool) error {
	found, err := root.Lstat(to)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case !found.Mode().IsRegular():
		return inTheWay(root, to, "file")
	case !again:
		return nil
	default:
		if err := root.Remove(to); err != nil {
			return err
		}
	}
	content, err := fs.ReadFile(l.files, name)
	if err != nil {
		return err
	}
	file, err := root.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	return errors.Join(err, file.Close())
}

func inTheWay(root *os.Root, name, what string) error {
	return fmt.Errorf("%s is no %s of the lab: take it away", filepath.Join(root.Name(), name), what)
}
