//go:build linux

package shim

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"kubelab/kube/containers"

	"github.com/moby/sys/user"
)

// lookupUser finds the numbers of a user ("1000", "1000:1000", "nginx", "nginx:adm") in the image's own files. It stays
// inside the root file system even where those are symbolic links that lead out.
func lookupUser(rootDir, name string, groups []int) (containers.User, error) {
	root, err := os.OpenRoot(rootDir)
	if err != nil {
		return containers.User{}, err
	}
	defer root.Close()
	passwd, err := openOrEmpty(root, "etc/passwd")
	if err != nil {
		return containers.User{}, err
	}
	defer passwd.Close()
	group, err := openOrEmpty(root, "etc/group")
	if err != nil {
		return containers.User{}, err
	}
	defer group.Close()
	found, err := user.GetExecUser(name, &user.ExecUser{}, passwd, group)
	if err != nil {
		return containers.User{}, fmt.Errorf("look up user %q in the image: %w", name, err)
	}
	out := containers.User{UID: uint32(found.Uid), GID: uint32(found.Gid)}
	for _, gid := range append(found.Sgids, groups...) {
		out.Groups = append(out.Groups, uint32(gid))
	}
	return out, nil
}

func openOrEmpty(root *os.Root, path string) (io.ReadCloser, error) {
	f, err := root.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return io.NopCloser(strings.NewReader("")), nil
	}
	return f, err
}
