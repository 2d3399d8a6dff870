//go:build linux

package fsuser

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// theirs is a user whom no machine has an account for.
var theirs = User{UID: 54321, GID: 54322}

// folder makes a folder of root below one that everybody may enter.
func folder(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	dir, err := os.MkdirTemp("", "fsuser-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	must(t, os.Chmod(dir, 0o755))
	return dir
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsDoneAsAUserIsRefusedWhereTheUserIsRefused(t *testing.T) {
	file := filepath.Join(folder(t), "roots")
	groups, err := os.Getgroups()
	must(t, err)
	must(t, syscall.Setgroups([]int{0})) // as after sudo
	t.Cleanup(func() { must(t, syscall.Setgroups(groups)) })
	for mode, allowed := range map[fs.FileMode]bool{0o600: false, 0o644: false, 0o660: false, 0o666: true} { // 0660: root's groups go too
		must(t, os.WriteFile(file, nil, 0o600))
		must(t, os.Chmod(file, mode))
		err := theirs.Do(func() error {
			opened, err := os.OpenFile(file, os.O_WRONLY, 0)
			return errors.Join(err, opened.Close())
		})
		if (err == nil) != allowed {
			t.Errorf("%v: %v", mode, err)
		}
	}
	must(t, os.Chmod(file, 0o600))
	must(t, os.WriteFile(file, nil, 0)) // root has its rights as before
}

func TestWhoOwnsTheFirstThingOnTheWayDecidesWhereItLeads(t *testing.T) {
	dir := folder(t)
	for _, name := range []string{"roots", "theirs", "theirs/below"} {
		must(t, os.Mkdir(filepath.Join(dir, name), 0o755))
	}
	must(t, os.Chown(filepath.Join(dir, "theirs"), theirs.UID, theirs.GID))
	for from, to := range map[string]string{"theirlink": "roots", "rootslink": "theirs/below", "far": dir + "/roots/../rootslink", "loop": "loop"} {
		must(t, os.Symlink(to, filepath.Join(dir, from)))
	}
	must(t, os.Lchown(filepath.Join(dir, "theirlink"), theirs.UID, theirs.GID))
	for path, want := range map[string]User{
		"roots": {}, "roots/new": {}, "new/new": {}, "theirs": theirs, "theirs/below/new": theirs,
		"theirlink": theirs, "theirlink/new": theirs, "rootslink": theirs, "rootslink/new": theirs, "far/new": theirs,
	} {
		if got, err := OwnerOf(filepath.Join(dir, path)); err != nil || got != want {
			t.Errorf("%s: %v, %v; want %v", path, got, err, want)
		}
	}
	if got, err := OwnerOf(filepath.Join(dir, "loop")); err == nil {
		t.Errorf("a link to itself belongs to %v", got)
	}
}
