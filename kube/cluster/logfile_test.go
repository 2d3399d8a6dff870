//go:build linux

package cluster

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"
)

func TestALogIsPutAsideWhenItIsFullAndNoLineIsTorn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log", "etcd.log")
	line := append(bytes.Repeat([]byte("x"), 999), '\n')
	full := bytes.Repeat(line, maxLog/len(line))
	keepLog(io.NopCloser(bytes.NewReader(append(full, line...))), path)
	for file, size := range map[string]int{path + ".1": len(full), path: len(line)} {
		content, err := os.ReadFile(file)
		if err != nil || len(content) != size || !bytes.HasSuffix(content, line) {
			t.Errorf("%s has %d bytes, %v; want %d whole lines", filepath.Base(file), len(content), err, size/len(line))
		}
	}
}

func TestALogGoesOnWhereAnEarlierLifeEnded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "etcd.log")
	for _, said := range []string{"one\n", "two"} {
		keepLog(io.NopCloser(bytes.NewBufferString(said)), path)
	}
	if content, err := os.ReadFile(path); err != nil || string(content) != "one\ntwo" {
		t.Errorf("%q, %v", content, err)
	}
}
