//go:build linux

package removal

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// nest makes a directory in a directory, so many times, with a file in each.
func nest(t *testing.T, path string, depth int) {
	t.Helper()
	at, err := unix.Open(path, unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	must(t, err)
	for range depth {
		must(t, unix.Mkdirat(at, "d", 0o755))
		inner, err := unix.Openat(at, "d", unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		must(t, err)
		must(t, unix.Close(at))
		file, err := unix.Openat(inner, "raised-1", unix.O_CREAT|unix.O_WRONLY|unix.O_CLOEXEC, 0o644)
		must(t, err)
		must(t, unix.Close(file))
		at = inner
	}
	must(t, unix.Close(at))
}

func TestATreeIsRemovedHoweverDeepItIs(t *testing.T) {
	dir := t.TempDir()
	nest(t, dir, 20_000)
	var before unix.Rlimit
	must(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &before))
	must(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 128, Max: before.Max}))
	err := All(filepath.Join(dir, "d"))
	must(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &before))
	must(t, err)
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("there is %v, %v", left, err)
	}
}

func TestALinkIsRemovedAndNotFollowed(t *testing.T) {
	dir := t.TempDir()
	outside := filepath.Join(dir, "outside")
	must(t, os.Mkdir(outside, 0o755))
	must(t, os.WriteFile(filepath.Join(outside, "precious"), nil, 0o644))
	must(t, os.Mkdir(filepath.Join(dir, "tree"), 0o755))
	must(t, os.Symlink(outside, filepath.Join(dir, "tree", "link")))
	must(t, os.Symlink(outside, filepath.Join(dir, "link")))
	for _, name := range []string{"tree", "link"} {
		must(t, All(filepath.Join(dir, name)))
		if _, err := os.Lstat(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is there: %v", name, err)
		}
	}
	if _, err := os.Stat(filepath.Join(outside, "precious")); err != nil {
		t.Error(err)
	}
}

func TestWhatIsMountedStays(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: it mounts")
	}
	dir := t.TempDir()
	outside, tree := filepath.Join(dir, "outside"), filepath.Join(dir, "tree")
	mounted := filepath.Join(tree, "mounted")
	must(t, os.MkdirAll(outside, 0o755))
	must(t, os.MkdirAll(mounted, 0o755))
	must(t, os.WriteFile(filepath.Join(outside, "precious"), nil, 0o644))
	must(t, unix.Mount(outside, mounted, "", unix.MS_BIND, "")) // of the same file system
	defer unix.Unmount(mounted, unix.MNT_DETACH)
	if err := All(tree); !errors.Is(err, unix.EXDEV) {
		t.Errorf("it says %v", err)
	}
	if _, err := os.Stat(filepath.Join(outside, "precious")); err != nil {
		t.Error(err)
	}
}

func TestWhatIsNotThereIsRemoved(t *testing.T) {
	must(t, All(filepath.Join(t.TempDir(), "nothing", "here")))
	must(t, All(filepath.Join(t.TempDir(), "nothing")))
}
