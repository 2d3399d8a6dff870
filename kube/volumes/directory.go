//go:build linux

package volumes

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"
)

// Directory is where a pod's volumes lie: those that are its own by their names, and the parts of volumes that its containers see.
type Directory struct{ Path string }

// The modes of the directories. Those that lead to volumes are root's alone: see package pods.
const (
	private = 0o700
	open    = 0o777
	made    = 0o755 // of what is made in the node's own file system, and of the directories in a volume that is filled
)

func (d Directory) volumes() string { return filepath.Join(d.Path, "volumes") }

func (d Directory) volume(name string) string { return filepath.Join(d.volumes(), name) }

// Exist is whether there is anything of the pod's volumes.
func (d Directory) Exist() bool {
	_, err := os.Lstat(d.volumes())
	return err == nil
}

// SetUp makes a volume, or what is missing of it. What is in a volume that only its containers fill stays as it is. tokens are the contents of
// its files that are tokens, by their paths.
func (d Directory) SetUp(v Volume, tokens map[string]string) error {
	if v.Host != nil {
		return v.Host.setUp()
	}
	at := d.volume(v.Name)
	if err := d.makeRoot(v); err != nil {
		return err
	}
	if err := mountMemory(at, v); err != nil {
		return err
	}
	if err := share(at, v.Shared); err != nil {
		return err
	}
	if v.Files == nil {
		return nil
	}
	root, err := os.OpenRoot(at)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := fill(root, v.Files.Files, tokens, v.Group); err != nil {
		return err
	}
	return own(root, ".", open, v.Group)
}

// makeRoot makes the directory of a volume. That of one that only its containers fill comes to stand there once, with its mode and its group: a
// container may give it others.
func (d Directory) makeRoot(v Volume) error {
	at := d.volume(v.Name)
	if v.Empty == nil {
		return os.MkdirAll(at, private)
	}
	if _, err := os.Lstat(at); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	half := d.volume("." + v.Name)
	if err := os.MkdirAll(half, private); err != nil {
		return err
	}
	root, err := os.OpenRoot(half)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := own(root, ".", open, v.Group); err != nil {
		return err
	}
	return os.Rename(half, at)
}

// mountMemory mounts a file system that lives in memory, where the volume is to have one and has none.
func mountMemory(at string, v Volume) error {
	options := "mode=0777"
	if v.Group != nil {
		options = fmt.Sprintf("mode=2777,gid=%d", *v.Group)
	}
	switch {
	case v.Empty != nil && v.Empty.Medium == corev1.StorageMediumMemory:
		if v.Empty.Limit > 0 {
			options += ",size=" + strconv.FormatInt(v.Empty.Limit, 10)
		}
	case v.Files != nil && v.Files.Memory:
	default:
		return nil
	}
	if mounted, err := isMount(at); mounted || err != nil {
		return err
	}
	err := unix.Mount("tmpfs", at, "tmpfs", 0, options+",noswap")
	if errors.Is(err, unix.EINVAL) { // before Linux 6.4
		err = unix.Mount("tmpfs", at, "tmpfs", 0, options)
	}
	if err != nil {
		return fmt.Errorf("mount tmpfs (%s) at %s: %w", options, at, err)
	}
	return nil
}

// share has what is mounted below a volume from now on show wherever the volume is.
func share(at string, shared bool) error {
	if !shared {
		return nil
	}
	mounted, err := isMount(at)
	if err == nil && !mounted {
		err = unix.Mount(at, at, "", unix.MS_BIND, "")
	}
	if err == nil {
		err = unix.Mount("", at, "", unix.MS_SHARED, "")
	}
	if err != nil {
		return fmt.Errorf("share what is mounted below %s: %w", at, err)
	}
	return nil
}

// isMount is whether something is mounted at a path.
func isMount(at string) (bool, error) {
	var found unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, at, unix.AT_SYMLINK_NOFOLLOW, 0, &found); err != nil {
		return false, fmt.Errorf("look at %s: %w", at, err)
	}
	return found.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0, nil
}

// What a group may do that owns a volume: read what is in it, and write what its containers fill; also what is made in a directory is the group's.
const (
	groupReads  = 0o440
	groupWrites = 0o660
	groupEnters = fs.ModeSetgid | 0o110
)

// own gives what stands at a path its mode and the group that owns the volume.
func own(root *os.Root, path string, mode fs.FileMode, group *int64) error {
	if group == nil {
		return root.Chmod(path, mode)
	}
	if err := root.Lchown(path, -1, int(*group)); err != nil {
		return err
	}
	return root.Chmod(path, mode|groupWrites|groupEnters)
}

// words are how upstream names what a type stands for.
var words = map[corev1.HostPathType]struct {
	mode fs.FileMode
	text string
}{
	corev1.HostPathDirectory: {fs.ModeDir, "a directory"}, corev1.HostPathDirectoryOrCreate: {fs.ModeDir, "a directory"},
	corev1.HostPathFile: {0, "a file"}, corev1.HostPathFileOrCreate: {0, "a file"}, corev1.HostPathSocket: {fs.ModeSocket, "a socket file"},
	corev1.HostPathCharDev: {fs.ModeDevice | fs.ModeCharDevice, "a character device"}, corev1.HostPathBlockDev: {fs.ModeDevice, "a block device"},
}

// setUp makes what may be made, and checks that it is what it should be. Upstream leaves it to the runtime to make what has no type.
func (h Host) setUp() error {
	found, err := os.Stat(h.Path)
	if errors.Is(err, fs.ErrNotExist) {
		if err = h.create(); err == nil {
			found, err = os.Stat(h.Path)
		}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if want, typed := words[h.Type]; typed && (err != nil || found.Mode().Type() != want.mode) {
		return fmt.Errorf("hostPath type check failed: %s is not %s", h.Path, want.text)
	}
	return nil
}

func (h Host) create() error {
	switch h.Type {
	case corev1.HostPathUnset, corev1.HostPathDirectoryOrCreate:
		return os.MkdirAll(h.Path, made)
	case corev1.HostPathFileOrCreate:
		file, err := os.OpenFile(h.Path, os.O_CREATE|os.O_WRONLY, 0o644)
		if err != nil {
			return err
		}
		return file.Close()
	}
	return nil
}
