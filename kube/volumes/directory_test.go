//go:build linux

package volumes

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"

	"kubelab/kube/mounts"
)

// pod is the directory of a pod, beside which there is one that is none of the pod's.
func pod(t *testing.T) (d Directory, outside string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: it mounts")
	}
	above := t.TempDir()
	d, outside = Directory{filepath.Join(above, "pod")}, filepath.Join(above, "outside")
	must(t, os.Mkdir(d.Path, 0o700))
	must(t, os.Mkdir(outside, 0o755))
	must(t, os.WriteFile(filepath.Join(outside, "precious"), []byte("x"), 0o600))
	t.Cleanup(func() {
		mounts, err := mounts.Below(above)
		must(t, err)
		for _, at := range mounts {
			if err := unix.Unmount(at, unix.MNT_DETACH); !errors.Is(err, unix.EINVAL) { // it has gone with its twin
				must(t, err)
			}
		}
	})
	return d, outside
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func setUp(t *testing.T, d Directory, v Volume) { t.Helper(); must(t, d.SetUp(v, nil)) }

func filesOf(content ...string) *Files {
	f := &Files{}
	for i := 0; i < len(content); i += 2 {
		f.Files = append(f.Files, File{Path: content[i], Content: content[i+1], Mode: 0o644})
	}
	return f
}

// versions are the names of the directories that hold what a volume held at some time.
var versions = regexp.MustCompile(`\.\.2[0-9_.]+`)

// tree is what is below a directory: mode, group, path and what is in it.
func tree(t *testing.T, root string) string {
	t.Helper()
	var lines []string
	must(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		name := versions.ReplaceAllString(strings.TrimPrefix(path, root+"/"), "version")
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if entry.Type() == fs.ModeSymlink {
			target, err := os.Readlink(path)
			lines = append(lines, name+" -> "+versions.ReplaceAllString(target, "version"))
			return err
		}
		line := fmt.Sprintf("%v %d %s", info.Mode(), info.Sys().(*syscall.Stat_t).Gid, name)
		if !entry.IsDir() {
			content, err := os.ReadFile(path)
			must(t, err)
			line += " " + string(content)
		}
		lines = append(lines, line)
		return nil
	}))
	return strings.Join(lines, "\n")
}

func checkTree(t *testing.T, root, want string) {
	t.Helper()
	if diff := cmp.Diff(want, tree(t, root)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", root, diff)
	}
}

func TestAllFilesOfAVolumeChangeInOneRename(t *testing.T) {
	d, _ := pod(t)
	v := Volume{Name: "v", Files: filesOf("colour", "blue", "deep/size", "3")}
	setUp(t, d, v)
	at := d.volume("v")
	checkTree(t, at, `drwxr-xr-x 0 version
-rw-r--r-- 0 version/colour blue
drwxr-xr-x 0 version/deep
-rw-r--r-- 0 version/deep/size 3
..data -> version
colour -> ..data/colour
deep -> ..data/deep`)
	before, err := os.Readlink(filepath.Join(at, data))
	must(t, err)
	reader, err := os.OpenRoot(filepath.Join(at, before)) // as a program that wants all files of one version
	must(t, err)
	defer reader.Close()
	setUp(t, d, v)
	if now, _ := os.Readlink(filepath.Join(at, data)); now != before {
		t.Errorf("nothing has changed, and %s became %s", before, now)
	}
	v.Files = filesOf("colour", "red", "new", "x")
	setUp(t, d, v)
	checkTree(t, at, `drwxr-xr-x 0 version
-rw-r--r-- 0 version/colour red
-rw-r--r-- 0 version/new x
..data -> version
colour -> ..data/colour
new -> ..data/new`)
	if content, err := reader.ReadFile("colour"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("who kept the old version open reads %q, %v, and is not told that it is gone", content, err)
	}
	v.Files.Files[0].Mode = 0o400
	setUp(t, d, v)
	if info, err := os.Stat(filepath.Join(at, "colour")); err != nil || info.Mode() != 0o400 {
		t.Errorf("with another mode: %v, %v", info, err)
	}
}

func TestAnUpdateThatWasBrokenOffIsDoneAgain(t *testing.T) {
	d, _ := pod(t)
	v := Volume{Name: "v", Files: filesOf("colour", "blue")}
	setUp(t, d, v)
	at := d.volume("v")
	must(t, os.Mkdir(filepath.Join(at, "..2020_01_01_00_00_00.000000000"), 0o700))
	must(t, os.Symlink("nowhere", filepath.Join(at, dataNew)))
	must(t, os.Remove(filepath.Join(at, "colour")))
	v.Files = filesOf("colour", "red")
	setUp(t, d, v)
	checkTree(t, at, "drwxr-xr-x 0 version\n-rw-r--r-- 0 version/colour red\n..data -> version\ncolour -> ..data/colour")
}

func TestTheGroupOfAVolumeReadsWhatIsFilledAndWritesTheRest(t *testing.T) {
	d, _ := pod(t)
	group := int64(2000)
	files := filesOf("deep/a", "x")
	files.Files[0].Mode = 0o600
	setUp(t, d, Volume{Name: "filled", Group: &group, Files: files})
	setUp(t, d, Volume{Name: "empty", Group: &group, Empty: &Empty{}})
	checkTree(t, d.volumes(), `dgrwxrwxrwx 2000 empty
dgrwxrwxrwx 2000 filled
dgrwxr-xr-x 2000 filled/version
dgrwxr-xr-x 2000 filled/version/deep
-rw-r----- 2000 filled/version/deep/a x
filled/..data -> version
filled/deep -> ..data/deep`)
}

func TestTheModeThatAContainerGivesItsVolumeStays(t *testing.T) {
	d, _ := pod(t)
	group := int64(2000)
	for _, medium := range []corev1.StorageMedium{corev1.StorageMediumDefault, corev1.StorageMediumMemory} {
		v := Volume{Name: "v" + strings.ToLower(string(medium)), Group: &group, Empty: &Empty{Medium: medium}}
		setUp(t, d, v)
		at := d.volume(v.Name)
		info, err := os.Stat(at)
		must(t, err)
		if owner := info.Sys().(*syscall.Stat_t).Gid; info.Mode() != fs.ModeDir|fs.ModeSetgid|0o777 || owner != 2000 {
			t.Errorf("%s is %v, of the group %d", v.Name, info.Mode(), owner)
		}
		must(t, os.Chmod(at, 0o700))
		setUp(t, d, v) // another volume of the pod's has changed
		if info, err = os.Stat(at); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s is %v, %v: whoever keeps a database in it finds it open to all", v.Name, info.Mode(), err)
		}
	}
}

func TestAVolumeInMemoryIsMountedOnceAndHoldsNoMoreThanItsLimit(t *testing.T) {
	d, _ := pod(t)
	v := Volume{Name: "v", Empty: &Empty{Medium: corev1.StorageMediumMemory, Limit: 1 << 20}}
	setUp(t, d, v)
	file := filepath.Join(d.volume("v"), "file")
	must(t, os.WriteFile(file, []byte("kept"), 0o600))
	setUp(t, d, v) // as a kubelet that was killed and has come back
	if content, err := os.ReadFile(file); string(content) != "kept" {
		t.Errorf("after it was made again it holds %q, %v", content, err)
	}
	if mounts, err := mounts.Below(d.Path); len(mounts) != 1 {
		t.Errorf("mounted are %v, %v", mounts, err)
	}
	if err := os.WriteFile(file, make([]byte, 2<<20), 0o600); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("to write more than the limit: %v", err)
	}
	must(t, d.Remove())
	if mounts, err := mounts.Below(d.Path); len(mounts) > 0 || d.Exist() {
		t.Errorf("after its removal there are mounts %v, %v, and it is there: %v", mounts, err, d.Exist())
	}
}

func TestAVolumeTakesWhatIsInItOnceAndNothingElse(t *testing.T) {
	d, outside := pod(t)
	setUp(t, d, Volume{Name: "v", Empty: &Empty{}})
	used := func() int64 {
		t.Helper()
		bytes, err := d.Used("v", 1<<40)
		must(t, err)
		return bytes
	}
	empty, root := used(), d.volume("v")
	must(t, os.WriteFile(filepath.Join(root, "a"), make([]byte, 1<<20), 0o600))
	must(t, os.Link(filepath.Join(root, "a"), filepath.Join(root, "b")))
	must(t, os.WriteFile(filepath.Join(outside, "large"), make([]byte, 1<<20), 0o600))
	must(t, os.Symlink(filepath.Join(outside, "large"), filepath.Join(root, "link")))
	must(t, os.Symlink(outside, filepath.Join(root, "directory")))
	if grown := used() - empty; grown < 1<<20 || grown > 1<<20+1<<16 {
		t.Errorf("a file of 1 MiB with two names takes %d bytes more", grown)
	}
}

func TestAVolumeIsMeasuredNoFurtherThanItsLimitAndNothingHidesInItsDepth(t *testing.T) {
	d, _ := pod(t)
	setUp(t, d, Volume{Name: "v", Empty: &Empty{}})
	root := d.volume("v")
	for i := range 100 {
		must(t, os.WriteFile(filepath.Join(root, strconv.Itoa(i)), make([]byte, 4096), 0o600))
	}
	if bytes, err := d.Used("v", 1<<16); err != nil || bytes <= 1<<16 {
		t.Errorf("of a volume that is over its limit it says %d, %v", bytes, err)
	}
	at, err := os.OpenRoot(root)
	must(t, err)
	for range maxDepth {
		must(t, at.Mkdir("d", 0o700))
		below, err := at.OpenRoot("d")
		must(t, err)
		must(t, at.Close())
		at = below
	}
	must(t, at.Close())
	if bytes, err := d.Used("v", 1<<40); err != nil || bytes <= 1<<40 {
		t.Errorf("of a tree that is deeper than can be measured it says %d, %v", bytes, err)
	}
}

// The container swaps a directory for a link to somewhere else, again and again, while the kubelet measures its volume.
func TestNothingOutsideOfAVolumeIsMeasured(t *testing.T) {
	d, outside := pod(t)
	setUp(t, d, Volume{Name: "v", Empty: &Empty{}})
	root := d.volume("v")
	must(t, os.WriteFile(filepath.Join(outside, "large"), make([]byte, 1<<20), 0o600))
	must(t, os.Mkdir(filepath.Join(root, "dir"), 0o755))
	must(t, os.Symlink(outside, filepath.Join(root, "link")))
	end := swap(filepath.Join(root, "dir"), filepath.Join(root, "link"))
	defer end()
	for range 2000 {
		if bytes, err := d.Used("v", 1<<40); err != nil || bytes >= 1<<20 {
			t.Fatalf("it is said to take %d bytes: %v", bytes, err)
		}
	}
}

// swap exchanges two names again and again, until its end.
func swap(a, b string) (end func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-done:
				return
			default:
				_ = unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
			}
		}
	}()
	return func() {
		close(done)
		<-ended
	}
}

func TestAFileThatComesLateTakesThePlaceThatAPartWasGiven(t *testing.T) {
	d, _ := pod(t)
	v := Volume{Name: "v", Files: filesOf("size", "3")}
	setUp(t, d, v)
	early, err := d.Source(v, Mount{SubPath: "colour"}, "a") // there is no such key yet
	must(t, err)
	if info, err := os.Stat(early); err != nil || !info.IsDir() {
		t.Errorf("for a part that is not there it mounts %v, %v", info, err)
	}
	v.Files = filesOf("size", "3", "colour", "red")
	setUp(t, d, v)
	if content, err := os.ReadFile(filepath.Join(d.volume("v"), "colour")); string(content) != "red" {
		t.Errorf("in the volume it is %q, %v", content, err)
	}
	late, err := d.Source(v, Mount{SubPath: "colour"}, "b")
	must(t, err)
	if content, err := os.ReadFile(late); string(content) != "red" {
		t.Errorf("a new container sees %q, %v", content, err)
	}
}

func TestAPathOfTheNodeIsWhatItIsSaidToBe(t *testing.T) {
	_, outside := pod(t)
	path := func(name string) string { return filepath.Join(outside, name) }
	must(t, unix.Mknod(path("char"), unix.S_IFCHR|0o600, int(unix.Mkdev(1, 3))))
	must(t, unix.Mknod(path("block"), unix.S_IFBLK|0o600, int(unix.Mkdev(7, 0))))
	must(t, unix.Mknod(path("socket"), unix.S_IFSOCK|0o600, 0))
	must(t, os.Mkdir(path("dir"), 0o700))
	must(t, os.WriteFile(path("file"), nil, 0o600))
	all := map[corev1.HostPathType]string{"Directory": "dir", "File": "file", "Socket": "socket", "CharDevice": "char", "BlockDevice": "block"}
	for kind, right := range all {
		for _, name := range all {
			err := Host{path(name), kind}.setUp()
			if (err == nil) != (name == right) {
				t.Errorf("type %s, and it is a %s: %v", kind, name, err)
			}
			if err != nil && !strings.HasPrefix(err.Error(), "hostPath type check failed: "+path(name)+" is not a") {
				t.Errorf("message: %v", err)
			}
		}
		if err := (Host{path("none"), kind}).setUp(); err == nil {
			t.Errorf("type %s, and it is not there: no error", kind)
		}
	}
	for kind, want := range map[corev1.HostPathType]string{"": "dir", "DirectoryOrCreate": "dir", "FileOrCreate": "file"} {
		at := path("new-" + string(kind) + "/below")
		must(t, os.MkdirAll(filepath.Dir(at), 0o755))
		must(t, Host{at, kind}.setUp())
		if info, err := os.Stat(at); err != nil || info.IsDir() != (want == "dir") {
			t.Errorf("type %q makes %v, %v", kind, info, err)
		}
	}
}

func TestAPartOfAVolumeIsMountedAndTheRestIsOutOfReach(t *testing.T) {
	d, _ := pod(t)
	v := Volume{Name: "v", Empty: &Empty{}}
	setUp(t, d, v)
	must(t, os.WriteFile(filepath.Join(d.volume("v"), "file"), []byte("x"), 0o600))
	for i, part := range []string{"file", "new/directory", "file"} { // the third is the first after a restart
		at, err := d.Source(v, Mount{Index: i % 2, SubPath: part}, "a")
		must(t, err)
		info, err := os.Stat(at)
		must(t, err)
		if info.IsDir() != (part != "file") || info.IsDir() && info.Mode().Perm() != 0o777 {
			t.Errorf("%s is %v", part, info.Mode())
		}
	}
	if mounts, err := mounts.Below(d.Path); len(mounts) != 2 {
		t.Errorf("mounted are %v, %v", mounts, err)
	}
}

func TestNoPartOfAVolumeLiesOutsideOfIt(t *testing.T) {
	d, outside := pod(t)
	v := Volume{Name: "v", Empty: &Empty{}}
	setUp(t, d, v)
	root := d.volume("v")
	must(t, os.Symlink(outside, filepath.Join(root, "absolute")))
	must(t, os.Symlink("../../../outside", filepath.Join(root, "relative")))
	must(t, os.Symlink("/proc/self/root", filepath.Join(root, "magic")))
	must(t, os.Symlink("loop", filepath.Join(root, "loop")))
	must(t, os.Mkdir(filepath.Join(root, "dir"), 0o755))
	must(t, os.Symlink("../dir", filepath.Join(root, "dir", "within")))
	for _, part := range []string{"absolute", "absolute/precious", "absolute/new", "relative/precious", "relative/new/deep", "magic/etc", "loop", "../../../outside", "dir/../../v/../../../outside"} {
		if at, err := d.Source(v, Mount{SubPath: part}, "a"); err == nil {
			t.Errorf("%s is mounted at %s", part, at)
		}
	}
	if _, err := d.Source(v, Mount{SubPath: "dir/within"}, "a"); err != nil {
		t.Errorf("a link that stays within: %v", err)
	}
	checkTree(t, outside, "-rw------- 0 precious x")
}

// The container swaps a directory for a link to somewhere else, again and again, while the kubelet looks for its part of the volume.
func TestALinkThatComesMeanwhileLeadsNowhere(t *testing.T) {
	d, outside := pod(t)
	v := Volume{Name: "v", Empty: &Empty{}}
	setUp(t, d, v)
	root := d.volume("v")
	must(t, os.MkdirAll(filepath.Join(root, "dir", "precious"), 0o755))
	must(t, os.Symlink(outside, filepath.Join(root, "link")))
	end := swap(filepath.Join(root, "dir"), filepath.Join(root, "link"))
	mounted, refused := 0, 0
	for began := time.Now(); mounted+refused < 300 || (mounted == 0 || refused == 0) && time.Since(began) < 20*time.Second; {
		at, err := d.Source(v, Mount{SubPath: "dir/precious"}, "a")
		if err != nil {
			refused++
			continue
		}
		mounted++
		if info, err := os.Stat(at); err != nil || !info.IsDir() {
			t.Fatalf("mounted is %v, %v", info, err)
		}
	}
	end()
	if mounted == 0 || refused == 0 {
		t.Errorf("the names did not change meanwhile: %d times it was mounted, %d times refused", mounted, refused)
	}
	checkTree(t, outside, "-rw------- 0 precious x")
}

func TestNothingOutsideOfAPodIsRemovedWithIt(t *testing.T) {
	d, outside := pod(t)
	v := Volume{Name: "v", Empty: &Empty{}, Shared: true}
	setUp(t, d, v)
	root := d.volume("v")
	must(t, os.Symlink(outside, filepath.Join(root, "link")))
	must(t, os.Symlink(filepath.Join(outside, "precious"), filepath.Join(root, "file")))
	must(t, os.MkdirAll(filepath.Join(root, "deep", "mounted"), 0o000))
	must(t, os.WriteFile(filepath.Join(root, "mounted-file"), nil, 0))
	must(t, unix.Mount(outside, filepath.Join(root, "deep", "mounted"), "", unix.MS_BIND, ""))
	must(t, unix.Mount(filepath.Join(outside, "precious"), filepath.Join(root, "mounted-file"), "", unix.MS_BIND, ""))
	must(t, os.Rename(filepath.Join(root, "deep"), filepath.Join(root, "new name\twith\\blanks"))) // mounts move along
	must(t, RemoveTree(d.Path))
	if _, err := os.Lstat(d.Path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of the pod is left: %v", err)
	}
	checkTree(t, outside, "-rw------- 0 precious x")
}

func TestAMountBelowASharedVolumeShowsWhereTheVolumeIs(t *testing.T) {
	d, outside := pod(t)
	v := Volume{Name: "v", Empty: &Empty{}, Shared: true}
	setUp(t, d, v)
	setUp(t, d, v)
	if mounts, err := mounts.Below(d.Path); len(mounts) != 1 {
		t.Errorf("mounted are %v, %v", mounts, err)
	}
	elsewhere := filepath.Join(outside, "container")
	must(t, os.Mkdir(elsewhere, 0o755))
	must(t, unix.Mount(d.volume("v"), elsewhere, "", unix.MS_BIND, ""))
	must(t, os.Mkdir(filepath.Join(elsewhere, "m"), 0o755))
	must(t, unix.Mount("tmpfs", filepath.Join(elsewhere, "m"), "tmpfs", 0, ""))
	if mounted, err := isMount(filepath.Join(d.volume("v"), "m")); !mounted {
		t.Errorf("it does not show: %v", err)
	}
}
