//go:build linux

package cluster

import (
	"context"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

func TestNameServersThatOnlyTheMachineItselfCanReachAreRelayedTo(t *testing.T) {
	spec := Spec{Network: netip.MustParsePrefix("172.30.0.0/24")}
	for content, want := range map[string][2][]string{
		"nameserver 192.0.2.53\nnameserver 192.0.2.54\nsearch example.org\n": {{"192.0.2.53:53", "192.0.2.54:53"}, nil},
		"nameserver 127.0.0.53\nnameserver 192.0.2.53\n":                     {{"192.0.2.53:53"}, nil},
		"# Docker\nnameserver 127.0.0.11\noptions ndots:0\n":                 {{"172.30.0.1:53"}, {"127.0.0.11:53"}},
		"nameserver 2001:db8::53\nnameserver fe80::1%eth0\n":                 {{"172.30.0.1:53"}, {"[2001:db8::53]:53", "[fe80::1%eth0]:53"}},
		"nameserver 2001:db8::53\nnameserver 192.0.2.53\n":                   {{"192.0.2.53:53"}, nil},
		"nameserver\nnameserver nonsense\n":                                  {nil, nil},
	} {
		resolvConfFor(t, content)
		direct, relayed := upstream(spec)
		if diff := cmp.Diff(want, [2][]string{direct, relayed}); diff != "" {
			t.Errorf("%s: -want +got:\n%s", content, diff)
		}
	}
}

// resolvConfFor gives the machine another resolv.conf until the test ends.
func resolvConfFor(t *testing.T, content string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	before := resolvConfs
	resolvConfs = []string{path, path + ".not-there"}
	t.Cleanup(func() { resolvConfs = before })
}

func TestAnIsolatedClusterAsksNoNameServer(t *testing.T) {
	if direct, relayed := upstream(Spec{Isolated: true}); direct != nil || relayed != nil {
		t.Errorf("it would ask %v, %v", direct, relayed)
	}
}

func TestHostsAskTheMachinesLoopbackNameServerThroughTheMachine(t *testing.T) {
	onEmptyMachine(t, func(t *testing.T, o Options) {
		resolvConfFor(t, "nameserver 127.0.0.1\n")
		ready := make(chan struct{})
		server := &dns.Server{Addr: "127.0.0.1:53", Net: "udp", NotifyStartedFunc: func() { close(ready) },
			Handler: dns.HandlerFunc(func(w dns.ResponseWriter, question *dns.Msg) {
				answer := new(dns.Msg).SetReply(question)
				record, _ := dns.NewRR("example.org. 60 IN A 192.0.2.7")
				answer.Answer = append(answer.Answer, record)
				_ = w.WriteMsg(answer)
			})}
		go func() { _ = server.ListenAndServe() }()
		defer func() { _ = server.Shutdown() }()
		<-ready
		spec := up(t, o)
		resolver := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return DialFrom(ctx, spec.Name, "node-1", "udp", spec.Upstream[0])
		}}
		waitFor(t, "the host knows the name", func() bool {
			found, err := resolver.LookupHost(t.Context(), "example.org.")
			return err == nil && cmp.Equal(found, []string{"192.0.2.7"})
		})
	})
}
