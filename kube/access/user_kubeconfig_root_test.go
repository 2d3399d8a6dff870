//go:build unix

package access

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// student is the user and the group of a home in these tests.
const student = 65534

// homeOf makes an empty home below a folder that everybody may enter.
func homeOf(t *testing.T, uid, gid int) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: to give a home to somebody else")
	}
	home, err := os.MkdirTemp("", "home-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(home) })
	give(t, home, uid, gid)
	return home
}

func give(t *testing.T, path string, uid, gid int) {
	t.Helper()
	if err := os.Lchown(path, uid, gid); err != nil {
		t.Fatal(err)
	}
}

// layLink makes a link that belongs to the student.
func layLink(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Symlink(to, from); err != nil {
		t.Fatal(err)
	}
	give(t, from, student, student)
}

// layFolder makes a folder that belongs to the student.
func layFolder(t *testing.T, path string) string {
	t.Helper()
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	give(t, path, student, student)
	return path
}

// found is what a folder holds: each name with what is in the file.
func found(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		all[path] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestAKubeconfigBelongsToTheOwnerOfItsHomeWhenRootChangesIt(t *testing.T) {
	home := homeOf(t, 1234, 5678)
	path := filepath.Join(home, ".kube", "config")
	for range 2 { // new, and there
		if err := AddContext(path, admins(t)); err != nil {
			t.Fatal(err)
		}
		for _, made := range []string{path, filepath.Dir(path)} {
			info, err := os.Stat(made)
			if err != nil {
				t.Fatal(err)
			}
			if stat := info.Sys().(*syscall.Stat_t); stat.Uid != 1234 || stat.Gid != 5678 {
				t.Errorf("%s belongs to %d:%d, want 1234:5678", made, stat.Uid, stat.Gid)
			}
		}
	}
}

func TestRootFollowsNoLinkOfAUserWhereTheUserMayNotWrite(t *testing.T) {
	for what, lay := range map[string]func(t *testing.T, home, roots string){
		"a link to a file of root": func(t *testing.T, home, roots string) {
			layLink(t, filepath.Join(layFolder(t, filepath.Join(home, ".kube")), "config"), filepath.Join(roots, "config"))
		},
		"a link to a folder of root": func(t *testing.T, home, roots string) { layLink(t, filepath.Join(home, ".kube"), roots) },
		"a link to a folder of root, by a link": func(t *testing.T, home, roots string) {
			layLink(t, filepath.Join(home, "dots"), roots)
			layLink(t, filepath.Join(home, ".kube"), "dots")
		},
	} {
		for _, mode := range []os.FileMode{0o600, 0o644} {
			t.Run(fmt.Sprintf("%s, %v", what, mode), func(t *testing.T) {
				home, roots := homeOf(t, student, student), homeOf(t, 0, 0)
				if err := os.Chmod(roots, 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(roots, "config"), []byte(somebodys), mode); err != nil {
					t.Fatal(err)
				}
				lay(t, home, roots)
				before, path := found(t, roots), filepath.Join(home, ".kube", "config")
				for done, err := range map[string]error{"add": AddContext(path, admins(t)), "remove": RemoveContext(path, "work")} {
					if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "with the rights of nobody") {
						t.Errorf("%s: %v", done, err)
					}
				}
				if diff := cmp.Diff(before, found(t, roots)); diff != "" {
					t.Errorf("root's folder has changed (-before +after):\n%s", diff)
				}
			})
		}
	}
}

func TestALinkToAFileThatIsNotThereLeadsRootNowhere(t *testing.T) {
	home, roots := homeOf(t, student, student), homeOf(t, 0, 0)
	layLink(t, filepath.Join(home, ".kube"), roots)
	if err := AddContext(filepath.Join(home, ".kube", "config"), admins(t)); err == nil {
		t.Error("no error")
	}
	if after := found(t, roots); len(after) != 0 {
		t.Errorf("root has written %v", after)
	}
}

func TestAUsersLinkToAFileOfTheirOwnIsFollowed(t *testing.T) {
	home := homeOf(t, student, student)
	path := filepath.Join(layFolder(t, filepath.Join(home, ".kube")), "config")
	kept := filepath.Join(layFolder(t, filepath.Join(home, "dotfiles")), "kubeconfig")
	if err := os.WriteFile(kept, []byte(somebodys), 0o600); err != nil {
		t.Fatal(err)
	}
	give(t, kept, student, student)
	layLink(t, path, kept)
	if err := AddContext(path, admins(t)); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(path); err != nil || info.Mode().Type() != fs.ModeSymlink {
		t.Errorf("the link is gone: %v, %v", info, err)
	}
	if content, err := os.ReadFile(kept); err != nil || !strings.Contains(string(content), "current-context: kubelab") {
		t.Errorf("not written: %s, %v", content, err)
	}
}
