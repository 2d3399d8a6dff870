//go:build linux

package images

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"golang.org/x/sys/unix"
)

// packed is an image of one gzipped layer.
func packed(t *testing.T, layer []byte) v1.Image {
	t.Helper()
	zipped, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(layer)), nil })
	if err != nil {
		t.Fatal(err)
	}
	img, err := mutate.AppendLayers(image(t, "sh"), zipped)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// large is a layer with one file.
func large(t *testing.T, name string, content []byte) []byte {
	t.Helper()
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(content))}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	w.Close()
	return layer.Bytes()
}

// hole is a layer with one file that is nothing but a hole, in the format that GNU tar had first: 512 bytes, and the end of the archive.
func hole(t *testing.T, size int64) []byte {
	t.Helper()
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "hole", Mode: 0o644, Format: tar.FormatGNU}); err != nil {
		t.Fatal(err)
	}
	w.Close()
	header := layer.Bytes()[:512]
	header[156] = tar.TypeGNUSparse
	copy(header[483:495], fmt.Sprintf("%011o", size))
	copy(header[148:156], "        ")
	var sum int
	for _, b := range header {
		sum += int(b)
	}
	copy(header[148:156], fmt.Sprintf("%06o\x00 ", sum))
	return layer.Bytes()
}

func onDisk(t *testing.T, path string) (size, blocks int64) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size(), info.Sys().(*syscall.Stat_t).Blocks * 512
}

func TestZerosOfALayerTakeUpNoDisk(t *testing.T) {
	store := newStore(t)
	bomb := add(t, store, packed(t, hole(t, 2<<30)), "bomb")
	if size, disk := onDisk(t, filepath.Join(store.Layers(bomb)[0], "hole")); size != 2<<30 || disk > 1<<20 {
		t.Errorf("a hole of 2 GiB has %d bytes, and takes up %d", size, disk)
	}
	content := strings.Repeat("x", 5000) + strings.Repeat("\x00", 1<<20) + "y" + strings.Repeat("\x00", 9)
	zeros := add(t, store, packed(t, large(t, "zeros", []byte(content))), "zeros")
	path := filepath.Join(store.Layers(zeros)[0], "zeros")
	if size, disk := onDisk(t, path); size != int64(len(content)) || disk > 64<<10 {
		t.Errorf("zeros between: %d bytes, %d on disk", size, disk)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != content {
		t.Errorf("the content is another: %v", err)
	}
}

func TestAnArchiveThatGrowsBeyondMeasureIsRefused(t *testing.T) {
	store := newStore(t)
	_, err := store.Add(t.Context(), packed(t, large(t, "bomb", bytes.Repeat([]byte("x"), 200<<20))), "bomb")
	if !errors.Is(err, errTooLarge) || !strings.Contains(err.Error(), "layer sha256:") {
		t.Errorf("200 MiB out of 200 KiB: %v, want it to be too large, with the layer's name", err)
	}
	left, err := DiskUsage(store.dir)
	if err != nil || left.Bytes > 4<<20 {
		t.Errorf("it leaves %d bytes (%v)", left.Bytes, err)
	}
}

func TestAnImageDoesNotFillTheDisk(t *testing.T) {
	store := newStore(t)
	noise := make([]byte, 2*lookEvery)
	random := rand.NewChaCha8([32]byte{})
	for i := 0; i < len(noise); i += 8 {
		binary.LittleEndian.PutUint64(noise[i:], random.Uint64())
	}
	store.room = func() error { return ErrNoRoom }
	_, err := store.Add(t.Context(), image(t, "sh", large(t, "noise", noise)), "noise")
	if !errors.Is(err, ErrNoRoom) || !strings.Contains(err.Error(), "layer sha256:") {
		t.Errorf("with a full disk: %v", err)
	}
	_, err = store.Load(t.Context(), bytes.NewReader(dockerSave(t, image(t, "one", large(t, "noise", noise)), image(t, "two"))))
	if !errors.Is(err, ErrNoRoom) {
		t.Errorf("an archive, with a full disk: %v", err)
	}
	add(t, store, image(t, "sh", archive(t, file("small", "x"))), "small") // names and small things can still be written, as for a removal
	if left, err := os.ReadDir(filepath.Join(store.dir, "tmp")); err != nil || len(left) > 0 {
		t.Errorf("this is left: %v, %v", left, err)
	}
}

func TestAPartOfTheDiskStaysFreeForAllElse(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: to mount a small disk")
	}
	for options, fill := range map[string]func(dir string) error{
		"size=4m": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "large"), make([]byte, 4<<20-64<<10), 0o600)
		},
		"size=4m,nr_inodes=40": func(dir string) (err error) {
			for i := 0; i < 38 && err == nil; i++ {
				err = os.WriteFile(filepath.Join(dir, fmt.Sprint(i)), nil, 0o600)
			}
			return err
		},
	} {
		dir := t.TempDir()
		if err := unix.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
			t.Skipf("a small disk cannot be mounted: %v", err)
		}
		t.Cleanup(func() {
			if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
				t.Error(err)
			}
		})
		if err := roomIn(dir); err != nil {
			t.Errorf("%s, empty: %v", options, err)
		}
		if err := fill(dir); err != nil {
			t.Fatal(err)
		}
		if err := roomIn(dir); !errors.Is(err, ErrNoRoom) || !strings.Contains(err.Error(), "kube image rm") {
			t.Errorf("%s, nearly full: %v, want that there is no room and what to do", options, err)
		}
	}
}
