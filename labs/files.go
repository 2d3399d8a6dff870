package labs

import (
	"errors"
	"io/fs"
	"os"
	"path"
)

// Folder is where a lab's files lie, below a home.
func (l *Lab) Folder() string { return path.Join("kubelab-labs", l.Name) }

// Owner is whom files belong to; a negative number: whoever makes them.
type Owner struct{ UID, GID int }

// Unpack puts the lab's files below a home, and leaves those alone that are there, as a student may have changed them.
// With again it replaces them. It follows no link that leads out of the home.
func (l *Lab) Unpack(home string, owner Owner, again bool) error {
	root, err := os.OpenRoot(home)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, dir := range []string{path.Dir(l.Folder()), l.Folder()} {
		if err := makeFolder(root, dir, owner); err != nil {
			return err
		}
	}
	return fs.WalkDir(l.files, ".", func(name string, entry fs.DirEntry, err error) error {
		switch to := path.Join(l.Folder(), name); {
		case err != nil || name == "." || name == "lab.yaml":
			return err
		case entry.IsDir():
			return makeFolder(root, to, owner)
		default:
			return l.unpack(root, name, to, owner, again)
		}
	})
}

func makeFolder(root *os.Root, name string, owner Owner) error {
	if err := root.Mkdir(name, 0o755); errors.Is(err, fs.ErrExist) {
		return nil
	} else if err != nil {
		return err
	}
	return root.Chown(name, owner.UID, owner.GID)
}

func (l *Lab) unpack(root *os.Root, name, to string, owner Owner, again bool) error {
	if _, err := root.Stat(to); err == nil && !again {
		return nil
	}
	content, err := fs.ReadFile(l.files, name)
	if err != nil {
		return err
	}
	if err := root.WriteFile(to, content, 0o644); err != nil {
		return err
	}
	return root.Chown(to, owner.UID, owner.GID)
}
