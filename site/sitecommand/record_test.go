//go:build linux

package sitecommand

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestARecordingBelongsToThePersonWhoSaidSudo(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file away")
	}
	for name, uid := range map[string]uint32{"nobody": 65534, "": 0} {
		t.Setenv("SUDO_USER", name)
		file, remove, err := newFile(filepath.Join(folderOf(t, int(uid)), "lesson"))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if info, err := file.Stat(); err != nil || info.Mode() != 0o600 || info.Sys().(*syscall.Stat_t).Uid != uid {
			t.Errorf("of %q: %v, %v", name, info, err)
		}
		if err := remove(); err != nil {
			t.Error(err)
		}
	}
}

func TestARecordingIsWrittenOnlyWhereThePersonWhoSaidSudoMayWrite(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: to have a folder that others may not write")
	}
	t.Setenv("SUDO_USER", "nobody")
	roots, home := folderOf(t, 0), folderOf(t, 65534)
	if err := os.Symlink(roots, filepath.Join(home, "lessons")); err != nil {
		t.Fatal(err)
	}
	_, _, err := newFile(filepath.Join(home, "lessons", "one"))
	if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "where nobody may write") {
		t.Error(err)
	}
	if made, err := os.ReadDir(roots); err != nil || len(made) > 0 {
		t.Errorf("root has written: %v, %v", made, err)
	}
}

// folderOf makes a folder of a user below one that everybody may enter.
func folderOf(t *testing.T, uid int) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "folder-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := errors.Join(os.Chown(dir, uid, uid), os.Chmod(dir, 0o755)); err != nil {
		t.Fatal(err)
	}
	return dir
}
