package labs

import "embed"

//go:embed [0-9][0-9]-*
var embedded embed.FS

// All are the labs of this program, in the order of the chapters.
func All() ([]*Lab, error) { return Load(embedded) }

// Open is one of them.
func Open(name string) (*Lab, error) {
	all, err := All()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, lab := range all {
		if lab.Name == name {
			return lab, nil
		}
		names = append(names, lab.Name)
	}
	return nil, unknown("lab", name, names)
}
