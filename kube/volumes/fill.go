//go:build linux

package volumes

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"time"
)

// The names by which a volume that the kubelet fills is kept. A program sees data/…, and knows by the one rename of it that all files are new.
const (
	data    = "..data"     // leads to the directory with the files as they are now
	dataNew = "..data_tmp" // the same, a moment before
	version = "..2006_01_02_15_04_05.000000000"
)

// fill has a volume hold these files and no others. At each moment all of the old ones are there or all of the new ones. A volume that holds
// them already is left alone.
func fill(root *os.Root, files []File, tokens map[string]string, group *int64) error {
	now := map[string]File{}
	for _, file := range files {
		if file.Token != nil {
			content, found := tokens[file.Path]
			if !found {
				return fmt.Errorf("no token for %s", file.Path)
			}
			file.Content = content
		}
		if group != nil {
			file.Mode |= groupReads
		}
		now[file.Path] = file
	}
	old, _ := root.Readlink(data) // at first there is none
	if old == "" || !holds(root, old, now) {
		directory := time.Now().UTC().Format(version)
		if err := write(root, directory, now, group); err != nil {
			return errors.Join(err, root.RemoveAll(directory))
		}
		if err := turn(root, directory); err != nil {
			return err
		}
		old = directory
	}
	return tidy(root, old, now)
}

// holds is whether a version of a volume has exactly these files.
func holds(root *os.Root, directory string, files map[string]File) bool {
	found := 0
	err := fs.WalkDir(root.FS(), directory, func(at string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		found++
		file, wanted := files[strings.TrimPrefix(at, directory+"/")]
		info, err := entry.Info()
		if err != nil || !wanted || info.Mode() != fs.FileMode(file.Mode) {
			return errors.Join(err, fs.ErrNotExist)
		}
		content, err := root.ReadFile(at)
		if err == nil && string(content) != file.Content {
			err = fs.ErrNotExist
		}
		return err
	})
	return err == nil && found == len(files)
}

// write makes a version of a volume.
func write(root *os.Root, directory string, files map[string]File, group *int64) error {
	if err := root.Mkdir(directory, private); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := writeFile(root, path.Join(directory, name), files[name], group); err != nil {
			return err
		}
	}
	return fs.WalkDir(root.FS(), directory, func(at string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		if group == nil {
			return root.Chmod(at, made)
		}
		if err := root.Lchown(at, -1, int(*group)); err != nil {
			return err
		}
		return root.Chmod(at, made|groupReads|groupEnters)
	})
}

func writeFile(root *os.Root, at string, file File, group *int64) error {
	if err := root.MkdirAll(path.Dir(at), private); err != nil {
		return err
	}
	if err := root.WriteFile(at, []byte(file.Content), ownerOnly); err != nil {
		return err
	}
	owner, groupID := -1, -1
	if file.Owner != nil {
		owner = int(*file.Owner)
	}
	if group != nil {
		groupID = int(*group)
	}
	if err := root.Lchown(at, owner, groupID); err != nil {
		return err
	}
	return root.Chmod(at, fs.FileMode(file.Mode))
}

// turn has a volume show another version, in one rename.
func turn(root *os.Root, directory string) error {
	if err := root.RemoveAll(dataNew); err != nil {
		return err
	}
	if err := root.Symlink(directory, dataNew); err != nil {
		return err
	}
	return root.Rename(dataNew, data)
}

// tidy makes the names under which programs see the files, and removes those of files that are gone, and former versions.
func tidy(root *os.Root, current string, files map[string]File) error {
	wanted := map[string]bool{data: true, current: true}
	for name := range files {
		top, _, _ := strings.Cut(name, "/")
		wanted[top] = true
		if leads, err := root.Readlink(top); err == nil && leads == path.Join(data, top) {
			continue
		}
		// A container may have asked for a subPath of that name before there was such a file, and had a directory made there.
		if err := errors.Join(root.RemoveAll(top), root.Symlink(path.Join(data, top), top)); err != nil {
			return err
		}
	}
	entries, err := fs.ReadDir(root.FS(), ".")
	for _, entry := range entries {
		if !wanted[entry.Name()] {
			err = errors.Join(err, root.RemoveAll(entry.Name()))
		}
	}
	return err
}
