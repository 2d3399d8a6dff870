//go:build linux

package main

import (
	"bytes"
	"io"
	"net"
	"net/netip"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// flow is a connection as the kernel keeps track of it: what the client sent to, and who answers.
func flow(from string, port uint16, to, answers string) *netlink.ConntrackFlow {
	dst, src := netip.MustParseAddrPort(to), netip.MustParseAddrPort(answers)
	return &netlink.ConntrackFlow{
		Forward: netlink.IPTuple{SrcIP: net.ParseIP(from), SrcPort: port, DstIP: net.IP(dst.Addr().AsSlice()), DstPort: dst.Port(), Protocol: unix.IPPROTO_TCP},
		Reverse: netlink.IPTuple{SrcIP: net.IP(src.Addr().AsSlice()), SrcPort: src.Port()},
	}
}

func TestTheEndpointThatAnsweredIsThatOfTheOneNewConnection(t *testing.T) {
	const service, client = "10.96.0.7:80", "10.244.1.5"
	old := flow(client, 4001, service, "10.244.1.9:8080")
	ours := flow(client, 4002, service, "10.244.2.7:8080")
	for name, c := range map[string]struct {
		after []*netlink.ConntrackFlow
		want  string
	}{
		"beside one that was there before":   {[]*netlink.ConntrackFlow{old, ours}, "10.244.2.7:8080"},
		"beside those of others":             {[]*netlink.ConntrackFlow{flow("10.244.1.6", 1, service, "10.244.1.9:8080"), ours, flow(client, 9, "10.96.0.7:81", "10.244.1.9:8081")}, "10.244.2.7:8080"},
		"that nobody can tell from another":  {[]*netlink.ConntrackFlow{ours, flow(client, 4003, service, "10.244.1.9:8080")}, ""},
		"that the kernel kept no track of":   {[]*netlink.ConntrackFlow{old}, ""},
		"where nothing can be read, as here": {nil, ""},
	} {
		if got := picked([]*netlink.ConntrackFlow{old}, c.after, netip.MustParseAddr(client), netip.MustParseAddrPort(service)); got != c.want {
			t.Errorf("a new connection %s: the endpoint is %q, want %q", name, got, c.want)
		}
	}
}

func TestAClientStartsWhenItIsHeardOfAndOfALongAnswerTheBeginningIsKept(t *testing.T) {
	in, start := io.Pipe()
	out := &timed{start: start}
	for range 3 {
		if n, err := io.Copy(out, bytes.NewReader(make([]byte, 3000))); n != 3000 || err != nil {
			t.Fatalf("copy: %d, %v", n, err)
		}
	}
	if out.kept.Len() != maxOutput || out.began.IsZero() {
		t.Errorf("kept %d bytes, began at %v", out.kept.Len(), out.began)
	}
	if _, err := in.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the client was not let start: %v", err)
	}
}
