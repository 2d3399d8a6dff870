//go:build linux

package main

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestARecordingBelongsToThePersonWhoSaidSudo(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file away")
	}
	for name, uid := range map[string]uint32{"nobody": 65534, "": 0} {
		t.Setenv("SUDO_USER", name)
		file, err := os.OpenFile(filepath.Join(t.TempDir(), "lesson"), os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if err := giveToStudent(file); err != nil {
			t.Error(err)
		}
		if info, err := file.Stat(); err != nil || info.Mode() != 0o600 || info.Sys().(*syscall.Stat_t).Uid != uid {
			t.Errorf("of %q: %v, %v", name, info, err)
		}
	}
}
