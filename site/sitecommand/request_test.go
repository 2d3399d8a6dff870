//go:build linux

package sitecommand

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/remotecommand"

	"kubelab/site"
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

// loud is a command whose image prints without measure on both its streams.
type loud struct{ remotecommand.Executor }

func (loud) StreamWithContext(_ context.Context, streams remotecommand.StreamOptions) error {
	if _, err := io.WriteString(streams.Stdout, ready); err != nil {
		return err
	}
	if _, err := streams.Stdin.Read(make([]byte, 1)); err != io.EOF {
		return fmt.Errorf("it was not let start: %w", err)
	}
	flood := strings.Repeat("x", 3000)
	for range 3 {
		for _, stream := range []io.Writer{streams.Stdout, streams.Stderr} {
			if n, err := io.Copy(stream, strings.NewReader(flood)); n != 3000 || err != nil {
				return fmt.Errorf("copy: %d, %w", n, err)
			}
		}
	}
	return errors.New("exit code 1")
}

func TestAClientStartsWhenItIsHeardOfAndOfAllThatItPrintsTheBeginningIsKept(t *testing.T) {
	var reply site.Reply
	if err := ask(t.Context(), loud{}, &corev1.Pod{}, &reply); err != nil {
		t.Fatal(err)
	}
	if len(reply.Output) != maxOutput-len(ready) || len(reply.Failure) != maxOutput+len(" exit code 1") {
		t.Errorf("kept %d bytes of output and %d of errors: …%s", len(reply.Output), len(reply.Failure), reply.Failure[max(0, len(reply.Failure)-50):])
	}
}
