package labs

import (
	"embed"
	"io/fs"
)

//go:embed [0-9][0-9]-*/*
var embedded embed.FS

// All are the labs of this program, in the order of the chapters.
func All() ([]*Lab, error) { return Load(embedded) }

// Open is one of them. What is wrong in the others is no concern of it.
func Open(name string) (*Lab, error) {
	entries, err := fs.ReadDir(embedded, ".")
	if err != nil {
		return nil, err
	}
	var names []string
	for _, entry := range entries {
		if entry.Name() == name {
			return load(embedded, name)
		}
		names = append(names, entry.Name())
	}
	return nil, unknown("lab", name, names)
}
