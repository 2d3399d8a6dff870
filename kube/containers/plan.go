package containers

import "fmt"

// CheckID says what is wrong with a container's ID: it becomes the name of a directory and of a cgroup.
func CheckID(id string) error {
	if id == "" || len(id) > 200 || id[0] == '.' {
		return fmt.Errorf("container ID %q: it must have 1 to 200 characters and not begin with a dot", id)
	}
	for _, c := range id {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.') {
			return fmt.Errorf("container ID %q: only letters, digits and any of \".-_\" are allowed", id)
		}
	}
	return nil
}
