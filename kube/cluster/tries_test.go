//go:build linux

package cluster

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/cgroups"
	"golang.org/x/sys/unix"
)

// took tells a test that it runs as a child from which something was taken away, and where its files are to be.
const took = "KUBELAB_TEST_TOOK"

func TestWhatIsMissingIsNamedWithItsRemedyAndNothingIsLeft(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: makes namespaces")
	}
	dir := t.TempDir()
	for _, c := range []struct{ missing, take, said string }{
		{"nothing", "true", ""},
		{"the program nft", "PATH=/nowhere", `"nft": executable file not found`},
		{"a writable /proc/sys", "mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys", "ip_forward: read-only file system"},
		{"writable cgroups", "mount -t tmpfs -o ro none /sys/fs/cgroup", "make a cgroup"},
		{"controllers of cgroups", "mount -t cgroup2 none /sys/fs/cgroup", "make a cgroup with limits"},
		{"room on the disk", "mount -t tmpfs -o size=20m none " + dir, "and a cluster needs 512"},
		{"room for files", "mount -t tmpfs -o nr_inodes=100 none " + dir, "files, and a cluster needs 2000"},
		{"a place that can be written", "mount -t tmpfs -o ro none " + dir, "write where the data are kept"},
		{"a file system that bears overlays", "mount -t tmpfs none /mnt && mkdir /mnt/l /mnt/u /mnt/w && " +
			"mount -t overlay none -o lowerdir=/mnt/l,upperdir=/mnt/u,workdir=/mnt/w " + dir, "mount an overlay"},
	} {
		t.Run(c.missing, func(t *testing.T) {
			if c.missing == "controllers of cgroups" && cgroups.IsCgroup2UnifiedMode() {
				t.Skip("needs a machine whose controllers are in the other version of cgroups")
			}
			command := exec.CommandContext(t.Context(), "unshare", "--mount", "sh", "-c", c.take+`; exec "$0" -test.v -test.run '^TestTriesOfAChild$'`, os.Args[0])
			command.Env = append(os.Environ(), took+"="+dir)
			out, err := command.CombinedOutput()
			if (err == nil) != (c.said == "") || !strings.Contains(string(out), c.said) || c.said != "" && !strings.Contains(string(out), "Remedy: ") {
				t.Errorf("%v: it says\n%s\nwant %q with a remedy", err, out, c.said)
			}
			t.Logf("%s", out)
			if left, _ := filepath.Glob(dir + "/*"); len(left) > 0 {
				t.Errorf("left: %v", left)
			}
		})
	}
}

// TestTriesOfAChild is what the child does.
func TestTriesOfAChild(t *testing.T) {
	dir := os.Getenv(took)
	if dir == "" {
		t.Skip("it is a part of another test")
	}
	start := time.Now()
	o := Options{Name: "tries", DataDir: filepath.Join(dir, "data")}
	if err := tryAll(context.Background(), o.tries(dir)); err != nil {
		t.Error(err)
	}
	t.Logf("the tries took %s", time.Since(start))
}

func TestNamespacesThatAreOnlyTriedAreNeverThoseOfTheProgramsFirstThread(t *testing.T) {
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			err := onThreadThatEnds(func() error {
				if unix.Gettid() == unix.Getpid() {
					return errors.New("it is the first thread")
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func TestAServiceIsTriedInTheRangesThatWereChosen(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: makes namespaces")
	}
	o := Options{Name: "ranges", DataDir: t.TempDir(), Pods: netip.MustParsePrefix("192.168.0.0/18"), Services: netip.MustParsePrefix("198.19.7.0/24")}
	if err := tryAll(t.Context(), o.tries(t.TempDir())); err != nil {
		t.Error(err)
	}
}
