//go:build linux

package shim

import (
	"fmt"
	"io"
	"os"
	"strings"

	"kubelab/kube/containers"

	"github.com/moby/sys/user"
	"golang.org/x/sys/unix"
)

// lookupUser finds the numbers of a user ("1000", "1000:1000", "nginx", "nginx:adm") in the image's own files.
func lookupUser(root, name string, groups []int) (containers.User, error) {
	passwd, err := openInside(root, "etc/passwd")
	if err != nil {
		return containers.User{}, err
	}
	defer passwd.Close()
	group, err := openInside(root, "etc/group")
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

// homeOf is the home of the user with that number, "/" where the image has none.
func homeOf(root string, uid int) string {
	const none = "/"
	passwd, err := openInside(root, "etc/passwd")
	if err != nil {
		return none
	}
	defer passwd.Close()
	found, err := user.ParsePasswdFilter(passwd, func(u user.User) bool { return u.Uid == uid })
	if err != nil || len(found) == 0 {
		return none
	}
	return found[0].Home
}

// openInside opens a file for which root is "/", also where symbolic links say so. One that is not there is empty.
func openInside(root, path string) (io.ReadCloser, error) {
	dir, err := os.Open(root)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	fd, err := unix.Openat2(int(dir.Fd()), path, &unix.OpenHow{
		Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
	})
	if err == unix.ENOENT || err == unix.ENOTDIR {
		return io.NopCloser(strings.NewReader("")), nil
	} else if err != nil {
		return nil, fmt.Errorf("open the image's /%s: %w", path, err)
	}
	found := os.NewFile(uintptr(fd), path)
	defer found.Close()
	info, err := found.Stat() // before it is opened: to open a pipe is to wait, to open a device may do anything
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("the image's /%s is not a file but %s", path, kindOf(info.Mode()))
	case info.Size() > maxAccounts:
		return nil, fmt.Errorf("the image's /%s has %d bytes: more than %d are not read", path, info.Size(), maxAccounts)
	}
	return os.Open(fmt.Sprintf("/proc/self/fd/%d", fd))
}

// maxAccounts is how many bytes of users or groups are read. A line has some fifty.
const maxAccounts = 4 << 20

func kindOf(mode os.FileMode) string {
	switch {
	case mode.IsDir():
		return "a directory"
	case mode&os.ModeNamedPipe != 0:
		return "a pipe"
	case mode&os.ModeDevice != 0:
		return "a device"
	}
	return "something else (" + mode.String() + ")"
}
