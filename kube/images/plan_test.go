package images

import (
	"archive/tar"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWhatAnEntryOfALayerMeans(t *testing.T) {
	for _, c := range []struct {
		header tar.Header
		want   Entry
	}{
		{tar.Header{Typeflag: tar.TypeReg, Name: "./etc/passwd", Mode: 0o644}, Entry{Kind: File, Path: "etc/passwd", Mode: 0o644}},
		{tar.Header{Typeflag: tar.TypeDir, Name: "./", Mode: 0o755}, Entry{Kind: Directory, Path: ".", Mode: 0o755}},
		{tar.Header{Typeflag: tar.TypeSymlink, Name: "lib", Linkname: "../x", Mode: 0o777}, Entry{Kind: Symlink, Path: "lib", Target: "../x", Mode: 0o777}},
		{tar.Header{Typeflag: tar.TypeReg, Name: "app/.wh.old"}, Entry{Kind: Whiteout, Path: "app/old"}},
		{tar.Header{Typeflag: tar.TypeReg, Name: "app/.wh..wh..opq"}, Entry{Kind: Opaque, Path: "app"}},
		{tar.Header{Typeflag: tar.TypeReg, Name: ".wh..wh..opq"}, Entry{Kind: Opaque, Path: "."}},
		{tar.Header{Typeflag: tar.TypeReg, Name: ".wh..wh.plnk/1.2"}, Entry{Kind: File, Path: ".wh..wh.plnk/1.2"}},
		{tar.Header{Typeflag: tar.TypeReg, Name: ".wh..wh.aufs"}, Entry{Kind: Skipped, Path: ".wh..wh.aufs"}},
		// Paths that try to get out end up below the root of the layer.
		{tar.Header{Typeflag: tar.TypeReg, Name: "/etc/passwd"}, Entry{Kind: File, Path: "etc/passwd"}},
		{tar.Header{Typeflag: tar.TypeReg, Name: "../../etc/passwd"}, Entry{Kind: File, Path: "etc/passwd"}},
		{tar.Header{Typeflag: tar.TypeLink, Name: "x", Linkname: "../../etc/shadow"}, Entry{Kind: HardLink, Path: "x", Target: "etc/shadow"}},
		{tar.Header{Typeflag: tar.TypeReg, Name: "a/../../.wh.b"}, Entry{Kind: Whiteout, Path: "b"}},
		// A container gets its devices from the runtime. A device 0/0 would be taken for a whiteout, besides.
		{tar.Header{Typeflag: tar.TypeBlock, Name: "dev/sda", Devmajor: 8}, Entry{Kind: Skipped, Path: "dev/sda"}},
		{tar.Header{Typeflag: tar.TypeChar, Name: "etc"}, Entry{Kind: Skipped, Path: "etc"}},
		// Of a file's attributes, those that are orders to overlayfs are left out.
		{tar.Header{Typeflag: tar.TypeReg, Name: "ping", PAXRecords: map[string]string{
			"SCHILY.xattr.security.capability":        "caps",
			"SCHILY.xattr.trusted.overlay.redirect":   "/etc",
			"SCHILY.xattr.security.selinux":           "x",
			"LIBARCHIVE.xattr.trusted.overlay.opaque": "y",
		}}, Entry{Kind: File, Path: "ping", Xattrs: map[string][]byte{"security.capability": []byte("caps")}}},
	} {
		got, err := PlanEntry(&c.header)
		if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", c.header.Name, err, diff)
		}
	}
}

func TestAMalformedEntrySpoilsTheLayer(t *testing.T) {
	for _, h := range []tar.Header{
		{Typeflag: tar.TypeReg, Name: ".wh."},
		{Typeflag: tar.TypeReg, Name: "a/.wh..."},
		{Typeflag: tar.TypeReg, Name: ".wh.."},
		{Typeflag: tar.TypeSymlink, Name: "/", Linkname: "/etc"},
		{Typeflag: tar.TypeReg, Name: "a/.."},
	} {
		if got, err := PlanEntry(&h); err == nil {
			t.Errorf("%q was taken for %+v", h.Name, got)
		}
	}
}

func TestALayerThatOccursTwiceIsStackedOnce(t *testing.T) {
	got := stack([]string{"base", "empty", "app", "empty"})
	if diff := cmp.Diff([]string{"base", "app", "empty"}, got); diff != "" {
		t.Errorf("stack (-want +got):\n%s", diff)
	}
}

func TestOnlyContentThatNoImageNeedsIsSwept(t *testing.T) {
	set := func(keys ...string) map[string]bool {
		m := map[string]bool{}
		for _, key := range keys {
			m[key] = true
		}
		return m
	}
	blobs, layers := PlanSweep(
		Content{Blobs: set("manifest", "config", "shared"), Layers: set("l1")},
		Content{Blobs: set("manifest", "config", "shared", "old2", "old1"), Layers: set("l1", "l2")})
	if diff := cmp.Diff([][]string{{"old1", "old2"}, {"l2"}}, [][]string{blobs, layers}); diff != "" {
		t.Errorf("swept (-want +got):\n%s", diff)
	}
}
