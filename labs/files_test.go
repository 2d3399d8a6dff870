package labs

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"kubelab/kube/fsuser"
)

func TestALabsFilesAreLaidOutOnceAndKeepWhatAStudentChanged(t *testing.T) {
	all, err := Library{folder(good)}.All()
	if err != nil {
		t.Fatal(err)
	}
	home, nobody := t.TempDir(), fsuser.Self
	file := filepath.Join(home, "kubelab-labs", "03-pods", "web.yaml")
	is := func(want string) {
		t.Helper()
		if got, err := os.ReadFile(file); err != nil || string(got) != want {
			t.Errorf("%q, want %q: %v", got, want, err)
		}
	}
	for _, again := range []bool{false, true} {
		if err := all[0].Unpack(home, nobody, false); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := all[0].Unpack(home, nobody, again); err != nil {
			t.Fatal(err)
		}
		if again {
			is("kind: Pod\n")
		} else {
			is("mine")
		}
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(file), "lab.yaml")); err == nil {
		t.Error("the student gets the checks as a file, too")
	}
}

func TestFilesAreNeverLaidOutThroughALinkOutOfTheHome(t *testing.T) {
	all, err := Library{folder(good)}.All()
	if err != nil {
		t.Fatal(err)
	}
	home, elsewhere := t.TempDir(), t.TempDir()
	if err := os.Symlink(elsewhere, filepath.Join(home, "kubelab-labs")); err != nil {
		t.Fatal(err)
	}
	if err := all[0].Unpack(home, fsuser.Self, true); err == nil {
		t.Error("a link was followed")
	}
	if entries, err := os.ReadDir(elsewhere); err != nil || len(entries) > 0 {
		t.Errorf("%v: %v", entries, err)
	}
}

// theGoodLab is one with a file.
func theGoodLab(t *testing.T) *Lab {
	t.Helper()
	lab, err := Library{folder(good)}.Open("03-pods")
	if err != nil {
		t.Fatal(err)
	}
	return lab
}

func TestWhatIsNoFileIsNeitherOpenedNorReplaced(t *testing.T) {
	lab := theGoodLab(t)
	for what, make := range map[string]func(path string) error{
		"a FIFO":   func(path string) error { return syscall.Mkfifo(path, 0o666) }, // to open one is to wait for ever
		"a link":   func(path string) error { return os.Symlink("mine", path) },
		"a folder": func(path string) error { return os.Mkdir(path, 0o755) },
	} {
		for _, again := range []bool{false, true} {
			home := t.TempDir()
			dir := filepath.Join(home, lab.Folder())
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "mine"), []byte("mine"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := make(filepath.Join(dir, "web.yaml")); err != nil {
				t.Fatal(err)
			}
			if err := lab.Unpack(home, fsuser.Self, again); err == nil || !strings.Contains(err.Error(), "kubelab-labs/03-pods/web.yaml is no file of the lab: take it away") {
				t.Errorf("%s: %v", what, err)
			}
			if mine, err := os.ReadFile(filepath.Join(dir, "mine")); err != nil || string(mine) != "mine" {
				t.Errorf("%s: the file of the student is %q: %v", what, mine, err)
			}
		}
	}
}

func TestALinkIsNoFolderOfALab(t *testing.T) {
	lab, home := theGoodLab(t), t.TempDir()
	if err := os.MkdirAll(filepath.Join(home, "kubelab-labs"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(t.TempDir(), filepath.Join(home, lab.Folder())); err != nil {
		t.Fatal(err)
	}
	if err := lab.Unpack(home, fsuser.Self, true); err == nil || !strings.Contains(err.Error(), "is no folder of the lab: take it away") {
		t.Error(err)
	}
}

func TestRootWritesAStudentsFilesWithTheStudentsRights(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	lab, student := theGoodLab(t), fsuser.User{UID: 65534, GID: 65534}
	home, err := os.MkdirTemp("", "home-") // below a folder that everybody may enter
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(home) })
	if err := lab.Unpack(home, student, false); err == nil {
		t.Error("a lab was written where the student may not")
	}
	if err := os.Chown(home, student.UID, student.GID); err != nil {
		t.Fatal(err)
	}
	if err := lab.Unpack(home, student, false); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"kubelab-labs", lab.Folder(), lab.Folder() + "/web.yaml"} {
		info, err := os.Stat(filepath.Join(home, name))
		if err != nil {
			t.Fatal(err)
		}
		if stat := info.Sys().(*syscall.Stat_t); int(stat.Uid) != student.UID || int(stat.Gid) != student.GID {
			t.Errorf("%s belongs to %d:%d", name, stat.Uid, stat.Gid)
		}
	}
	if err := os.WriteFile(filepath.Join(home, "root"), nil, 0o600); err != nil {
		t.Errorf("root has lost its rights: %v", err)
	}
}
