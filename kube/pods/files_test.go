//go:build linux

package pods

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sync/errgroup"

	"kubelab/kube/pods/cri"
)

func TestContainersOfAPodThatStartAtTheSameTimeAllFindItsHostsFile(t *testing.T) {
	n := files{cri.Node{Root: t.TempDir()}}
	directory := n.PodDirectory("u1")
	if err := os.MkdirAll(directory, 0o755); err != nil {
		t.Fatal(err)
	}
	for range 200 {
		var starts errgroup.Group
		for range 8 {
			starts.Go(func() error { return n.writeHosts("u1", "10.244.1.2 web\n") })
		}
		if err := starts.Wait(); err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(n.HostsPath("u1"))
		if err != nil || string(content) != "10.244.1.2 web\n" {
			t.Fatalf("%q, %v", content, err)
		}
		if info, err := os.Stat(n.HostsPath("u1")); err != nil || info.Mode().Perm() != 0o644 {
			t.Fatalf("mode %v, %v: every program has to read it", info.Mode(), err)
		}
		if err := os.Remove(n.HostsPath("u1")); err != nil {
			t.Fatal(err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(directory, "*")); len(left) > 0 {
		t.Errorf("%v are left", left)
	}
}
