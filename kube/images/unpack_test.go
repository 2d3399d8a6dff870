//go:build linux

package images

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func needRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: layers set owners, devices and trusted attributes")
	}
}

// file, dir, link and hardLink are entries of a layer.
func file(name, content string) tar.Header {
	return tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(content)), PAXRecords: map[string]string{"TEST.content": content}}
}
func dir(name string) tar.Header { return tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o755} }
func link(name, to string) tar.Header {
	return tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: to}
}
func hardLink(name, to string) tar.Header {
	return tar.Header{Typeflag: tar.TypeLink, Name: name, Linkname: to}
}

// archive makes the tar of a layer.
func archive(t testing.TB, entries ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range entries {
		content := h.PAXRecords["TEST.content"]
		h.PAXRecords = maps.Clone(h.PAXRecords)
		delete(h.PAXRecords, "TEST.content") // it would be too long for a header
		h.ModTime = time.Unix(1_000_000_000, 0)
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// unpackIn unpacks a layer into a directory with neighbours: it returns the directory above, which has "layer" and "outside".
func unpackIn(t testing.TB, layer []byte) (string, error) {
	t.Helper()
	above := t.TempDir()
	mkdirs(t, above)
	return above, unpack(filepath.Join(above, "layer"), bytes.NewReader(layer), newBudget(limits{bytes: 1 << 20, entries: 1000}, nil, nil))
}

func TestALayerIsUnpackedAsItWasPacked(t *testing.T) {
	needRoot(t)
	program := file("bin/ping", "program")
	program.Mode, program.Uid, program.Gid = 0o4755, 12, 34
	tmp := dir("tmp")
	tmp.Mode = 0o1777
	above, err := unpackIn(t, archive(t, dir("bin"), program, link("lib", "usr/lib"), dir("usr/lib"), file("lib/libc.so", "c"),
		hardLink("bin/ping4", "bin/ping"), tmp, tar.Header{Typeflag: tar.TypeFifo, Name: "tmp/pipe", Mode: 0o600},
		file("tmp/twice", "first"), file("tmp/twice", "second")))
	if err != nil {
		t.Fatal(err)
	}
	layer := filepath.Join(above, "layer")
	type seen struct {
		Mode     fs.FileMode
		Uid, Gid uint32
		Links    uint64
		Content  string
	}
	got := map[string]seen{}
	for _, name := range []string{"bin/ping", "usr/lib/libc.so", "tmp", "tmp/pipe", "tmp/twice", "lib"} {
		info, err := os.Lstat(filepath.Join(layer, name))
		if err != nil {
			t.Fatal(err)
		}
		var stat unix.Stat_t
		if err := unix.Lstat(filepath.Join(layer, name), &stat); err != nil {
			t.Fatal(err)
		}
		s := seen{Mode: info.Mode(), Uid: stat.Uid, Gid: stat.Gid, Links: uint64(stat.Nlink)}
		if info.Mode().IsRegular() {
			content, _ := os.ReadFile(filepath.Join(layer, name))
			s.Content = string(content)
		}
		if info.Mode()&fs.ModeSymlink == 0 && info.ModTime().Unix() != 1_000_000_000 && name != "tmp/pipe" {
			t.Errorf("%s has the time %v", name, info.ModTime())
		}
		got[name] = s
	}
	want := map[string]seen{
		"bin/ping":        {Mode: 0o755 | fs.ModeSetuid, Uid: 12, Gid: 34, Links: 2, Content: "program"},
		"usr/lib/libc.so": {Mode: 0o644, Links: 1, Content: "c"},
		"tmp":             {Mode: 0o777 | fs.ModeSticky | fs.ModeDir, Links: 2},
		"tmp/pipe":        {Mode: 0o600 | fs.ModeNamedPipe, Links: 1},
		"tmp/twice":       {Mode: 0o644, Links: 1, Content: "second"},
		"lib":             {Mode: 0o777 | fs.ModeSymlink, Links: 1},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("unpacked (-want +got):\n%s", diff)
	}
}

func TestAHostileLayerChangesNothingOutside(t *testing.T) {
	needRoot(t)
	capability := file("secret-link", "x")
	capability.PAXRecords["SCHILY.xattr.user.a"] = "b"
	for name, entries := range map[string][]tar.Header{
		"a symlink out, and a file through it":           {link("out", "../outside"), file("out/secret", "changed"), file("out/new", "new")},
		"an absolute symlink out, and a file through it": {link("out", "OUTSIDE"), file("out/secret", "changed")},
		"a symlink to a file, and that file":             {link("f", "../outside/secret"), file("f", "changed")},
		"a chain of symlinks":                            {link("a", "b/c"), dir("b"), link("b/c", "../../outside"), file("a/secret", "changed")},
		"a hard link out":                                {hardLink("x", "../outside/secret"), file("x", "changed")},
		"a hard link through a symlink":                  {link("out", "../outside"), hardLink("x", "out/secret"), file("x", "changed")},
		"a directory through a symlink":                  {link("out", "../outside"), dir("out/sub")},
		"a directory in place of a symlink":              {link("out", "../outside"), dir("out"), file("out/secret", "changed")},
		"a mode and an owner through a symlink": {link("out", "../outside"),
			{Typeflag: tar.TypeDir, Name: "out/.", Mode: 0o777, Uid: 1}, {Typeflag: tar.TypeDir, Name: "out", Mode: 0o700, Uid: 1}},
		"a whiteout of ..":                    {file("a/.wh...", "")},
		"a whiteout through a symlink":        {link("out", "../outside"), file("out/.wh.secret", "")},
		"an opaque directory via a symlink":   {link("out", "../outside"), file("out/.wh..wh..opq", "")},
		"a path with ..":                      {file("../outside/secret", "changed")},
		"an absolute path":                    {file("OUTSIDE/secret", "changed")},
		"a device node":                       {{Typeflag: tar.TypeBlock, Name: "../outside/secret", Devmajor: 7}},
		"a fifo through a symlink":            {link("out", "../outside"), {Typeflag: tar.TypeFifo, Name: "out/secret"}},
		"an attribute through a symlink":      {link("secret-link", "../outside/secret"), capability},
		"a symlink in place of the root":      {link(".", "../outside"), file("secret", "changed")},
		"a symlink in place of the directory": {dir("d"), file("d/x", ""), link("d", "../outside"), file("d/secret", "changed")},
	} {
		t.Run(name, func(t *testing.T) {
			above := t.TempDir()
			outside := filepath.Join(above, "outside")
			for i := range entries {
				if entries[i].Linkname == "OUTSIDE" {
					entries[i].Linkname = outside
				}
				if entries[i].Name == "OUTSIDE/secret" {
					entries[i].Name = outside + "/secret"
				}
			}
			mkdirs(t, above)
			before := tree(t, outside)
			err := unpack(filepath.Join(above, "layer"), bytes.NewReader(archive(t, entries...)), newBudget(limits{bytes: 1 << 20, entries: 1000}, nil, nil))
			if diff := cmp.Diff(before, tree(t, outside)); diff != "" {
				t.Errorf("outside changed (-before +after), unpack said %v:\n%s", err, diff)
			}
		})
	}
}

func mkdirs(t testing.TB, above string) {
	t.Helper()
	err := errors.Join(
		os.MkdirAll(filepath.Join(above, "layer"), 0o755),
		os.MkdirAll(filepath.Join(above, "outside"), 0o755),
		os.WriteFile(filepath.Join(above, "outside", "secret"), []byte("secret"), 0o600))
	if err != nil {
		t.Fatal(err)
	}
}

// tree describes everything at and below dir.
func tree(t testing.TB, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var stat unix.Stat_t
		if err := unix.Lstat(path, &stat); err != nil {
			return err
		}
		attrs := make([]byte, 1000)
		n, _ := unix.Llistxattr(path, attrs)
		content := ""
		if stat.Mode&unix.S_IFMT == unix.S_IFREG {
			raw, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			content = string(raw)
		}
		found[path] = fmt.Sprintf("mode %o uid %d links %d changed %d attributes %q: %s", stat.Mode, stat.Uid, stat.Nlink, stat.Ctim.Nano(), attrs[:n], content)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestABombIsDefused(t *testing.T) {
	needRoot(t)
	many := make([]tar.Header, 1001)
	for i := range many {
		many[i] = dir("d")
	}
	var huge bytes.Buffer // it says that terabytes follow
	w := tar.NewWriter(&huge)
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "huge", Size: 5 << 40, Mode: 0o644}); err != nil {
		t.Fatal(err)
	}
	for name, layer := range map[string][]byte{"too many entries": archive(t, many...), "too many bytes": huge.Bytes()} {
		if _, err := unpackIn(t, layer); !errors.Is(err, errTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzUnpackNeverLeavesTheLayer(f *testing.F) {
	needRoot(f)
	f.Add(archive(f, dir("a"), file("a/b", "x"), link("l", "../outside"), file("l/secret", "y"), hardLink("h", "a/b"), file("a/.wh.c", "")))
	f.Add(archive(f, file("../outside/secret", "x"), file(".wh..wh..opq", ""), tar.Header{Typeflag: tar.TypeFifo, Name: "p"}))
	f.Fuzz(func(t *testing.T, layer []byte) {
		above := t.TempDir()
		mkdirs(t, above)
		before := tree(t, filepath.Join(above, "outside"))
		unpack(filepath.Join(above, "layer"), bytes.NewReader(layer), newBudget(limits{bytes: 1 << 20, entries: 1000}, nil, nil))
		if diff := cmp.Diff(before, tree(t, filepath.Join(above, "outside"))); diff != "" {
			t.Errorf("outside changed (-before +after):\n%s", diff)
		}
	})
}
