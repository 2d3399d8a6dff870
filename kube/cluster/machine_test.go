//go:build linux

package cluster

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNameServersThatOnlyTheMachineItselfCanReachAreNoneForHosts(t *testing.T) {
	for content, want := range map[string][]string{
		"nameserver 192.0.2.53\nnameserver 192.0.2.54\nsearch example.org\n": {"192.0.2.53:53", "192.0.2.54:53"},
		"# systemd-resolved\nnameserver 127.0.0.53\noptions edns0\n":         nil,
		"nameserver ::1\nnameserver 2001:db8::53\nnameserver 192.0.2.53\n":   {"192.0.2.53:53"},
		"nameserver\nnameserver nonsense\n":                                  nil,
	} {
		path := filepath.Join(t.TempDir(), "resolv.conf")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, nameServers(path)); diff != "" {
			t.Errorf("%s: -want +got:\n%s", content, diff)
		}
	}
}

func TestAnIsolatedClusterAsksNoNameServer(t *testing.T) {
	if got := upstream(Spec{Isolated: true}); got != nil {
		t.Errorf("it would ask %v", got)
	}
}
