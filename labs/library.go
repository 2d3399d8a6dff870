package labs

import (
	"embed"
	"errors"
	"io/fs"
	"slices"
)

//go:embed [0-9][0-9]-*/*
var embedded embed.FS

// Ours are the labs of this program.
var Ours = Library{embedded}

// Library is a file system that has a folder for each lab. What is wrong in one lab is no concern of the others.
type Library struct{ Files fs.FS }

// Names are the folders that may be labs, in the order of the chapters.
func (l Library) Names() (names []string, err error) {
	entries, err := fs.ReadDir(l.Files, ".")
	for _, entry := range entries {
		if entry.IsDir() && folderName.MatchString(entry.Name()) {
			names = append(names, entry.Name())
		}
	}
	return names, err
}

// Open reads a lab. The error names file and line of all that is wrong in it.
func (l Library) Open(name string) (*Lab, error) {
	names, err := l.Names()
	if err != nil {
		return nil, err
	}
	if !slices.Contains(names, name) {
		return nil, unknown("lab", name, names)
	}
	return load(l.Files, name)
}

// All reads every lab. Those that can be used are returned with the error, too, which is about the others.
func (l Library) All() (good []*Lab, err error) {
	names, err := l.Names()
	wrong := []error{err}
	for _, name := range names {
		lab, err := load(l.Files, name)
		if err == nil {
			good = append(good, lab)
		}
		wrong = append(wrong, err)
	}
	return good, errors.Join(wrong...)
}
