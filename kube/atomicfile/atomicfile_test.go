//go:build linux

package atomicfile

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
)

func names(t *testing.T, dir string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		all = append(all, entry.Name())
	}
	return all
}

func TestAReaderSeesOneOfTheContentsWholeHoweverManyWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	whole := func(letter byte) []byte { return bytes.Repeat([]byte{letter}, 100_000) }
	if err := Write(path, whole('a'), 0o600); err != nil {
		t.Fatal(err)
	}
	var writers sync.WaitGroup
	for _, letter := range []byte("abcd") {
		writers.Go(func() {
			for _, write := range []func(string, []byte, fs.FileMode) error{Write, Replace, Replace, Replace} {
				if err := write(path, whole(letter), 0o600); err != nil {
					t.Error(err)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { defer close(done); writers.Wait() }()
	for over := false; !over; {
		select {
		case <-done:
			over = true
		default:
		}
		content, err := os.ReadFile(path)
		if err != nil || len(content) == 0 || !bytes.Equal(content, whole(content[0])) {
			t.Fatalf("read %d bytes, %v: want a whole content", len(content), err)
		}
	}
	if left := names(t, filepath.Dir(path)); len(left) != 1 {
		t.Errorf("beside the file there is something left: %v", left)
	}
}

func TestTheModeIsTheGivenOneWhateverTheUmaskAndTheOldFileSay(t *testing.T) {
	old := syscall.Umask(0o077)
	defer syscall.Umask(old)
	path := filepath.Join(t.TempDir(), "hosts")
	for _, mode := range []fs.FileMode{0o600, 0o644} {
		if err := Replace(path, nil, mode); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
			t.Errorf("mode %v, %v: want %v", info.Mode(), err, mode)
		}
	}
}

func TestAWriteThatFailsLeavesTheOldContentAndNothingBesideIt(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "state.json")
	if err := Write(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	full := errors.New("no space left")
	if err := replace(path, []byte("new"), 0o600, func(*os.File) error { return full }); !errors.Is(err, full) {
		t.Errorf("a disk that is full is told as %v", err)
	}
	if content, err := os.ReadFile(path); err != nil || string(content) != "old" {
		t.Errorf("the content is %q, %v", content, err)
	}
	if left := names(t, dir); len(left) != 1 {
		t.Errorf("beside the file there is something left: %v", left)
	}
}
