//go:build linux

package mounts

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"kubelab/kube/removal"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// place makes a directory of the node's, on which something is mounted, and one that is somebody else's.
func place(t *testing.T) (nodes, theirs string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: it mounts")
	}
	dir, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err)
	nodes, theirs = filepath.Join(dir, "nodes"), filepath.Join(dir, "theirs")
	must(t, os.Mkdir(nodes, 0o755))
	must(t, os.Mkdir(theirs, 0o755))
	mount(t, "tmpfs", nodes)
	return nodes, theirs
}

func mount(t *testing.T, source, at string) {
	t.Helper()
	if source == "tmpfs" {
		must(t, unix.Mount(source, at, source, 0, ""))
	} else {
		must(t, unix.Mount(source, at, "", unix.MS_BIND, ""))
	}
	t.Cleanup(func() { _ = unix.Unmount(at, unix.MNT_DETACH) })
}

func TestWhatIsMountedBelowIsTakenAwayWhateverItsName(t *testing.T) {
	_, theirs := place(t)
	var made []string
	for _, name := range []string{"plain", "a b", "a\u00a0b", "a\u0085b", "a\rb", "a\vb", "a\fb", "a\nb", "a\\040b", "ends\r"} {
		at := filepath.Join(theirs, name)
		must(t, os.Mkdir(at, 0o755))
		mount(t, "tmpfs", at)
		made = append([]string{at}, made...)
	}
	found, err := Below(theirs)
	must(t, err)
	if diff := cmp.Diff(made, found); diff != "" {
		t.Errorf("(- mounted, + found)\n%s", diff)
	}
	must(t, Drop(theirs))
	if found, err := Below(theirs); err != nil || len(found) > 0 {
		t.Errorf("there is %q, %v", found, err)
	}
}

// A container names a directory so that its name looks like the mount point of a line, and lays a link there that leads to the node's.
func TestNothingIsTakenAwayThatIsTheNodes(t *testing.T) {
	nodes, theirs := place(t)
	must(t, os.Symlink("/", filepath.Join(theirs, "link")))
	for _, space := range []string{" ", "\u00a0", "\u0085", "\r", "\v", "\f", "\n", "\t"} {
		source := filepath.Join(theirs, "a"+space+filepath.Join(theirs, "link", nodes))
		must(t, os.MkdirAll(source, 0o755))
		at := filepath.Join(theirs, "mounted")
		must(t, os.MkdirAll(at, 0o755))
		mount(t, source, at)
		must(t, Drop(theirs))
		if left, err := Below(nodes); err != nil || len(left) != 1 {
			t.Fatalf("with %q in the name, of the node's mounts there is %q, %v", space, left, err)
		}
	}
}

// A container moves a directory that is mounted elsewhere to the bottom of a deep tree: its line in the list becomes longer than any path may be.
func TestAMountOfWhatLiesDeepHidesNoOther(t *testing.T) {
	_, theirs := place(t)
	at := filepath.Join(theirs, "mounted")
	must(t, os.Mkdir(at, 0o755))
	deep, err := unix.Open(theirs, unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	must(t, err)
	for range 80 {
		name := strings.Repeat("\n", 255)
		must(t, unix.Mkdirat(deep, name, 0o755))
		below, err := unix.Openat(deep, name, unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		must(t, err)
		must(t, unix.Close(deep))
		deep = below
	}
	t.Cleanup(func() { unix.Close(deep); _ = removal.All(theirs) })
	mount(t, "/proc/self/fd/"+strconv.Itoa(deep), at)
	if found, err := Below(theirs); err != nil || len(found) != 1 {
		t.Errorf("mounted is %q, %v", found, err)
	}
	must(t, Drop(theirs))
	if found, err := Below(theirs); err != nil || len(found) > 0 {
		t.Errorf("there is %q, %v", found, err)
	}
}

func TestAPathThatBecameALinkLeadsNowhere(t *testing.T) {
	nodes, theirs := place(t)
	must(t, os.Symlink(filepath.Dir(nodes), filepath.Join(theirs, "link")))
	must(t, unmount(filepath.Join(theirs, "link", filepath.Base(nodes))))
	if left, err := Below(nodes); err != nil || len(left) != 1 {
		t.Errorf("of the node's mounts there is %q, %v", left, err)
	}
}
