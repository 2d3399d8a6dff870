package podnet

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestANodeHasARouteToThePodsOfEachOtherNode(t *testing.T) {
	node := func(name, cidr, ip string) Node {
		prefix, _ := netip.ParsePrefix(cidr)
		address, _ := netip.ParseAddr(ip)
		return Node{Name: name, PodCIDR: prefix, IP: address}
	}
	route := func(cidr, via string) Route { return Route{netip.MustParsePrefix(cidr), addr(via)} }
	one := node("node-1", "10.244.1.0/24", "172.30.0.11")
	two := node("node-2", "10.244.2.0/24", "172.30.0.12")
	three := node("node-3", "10.244.3.0/24", "172.30.0.13")

	for _, c := range []struct {
		name     string
		nodes    []Node
		existing []Route
		want     []string
	}{
		{"a node joins", []Node{one, two, three}, []Route{route("10.244.2.0/24", "172.30.0.12")},
			[]string{"add 10.244.3.0/24 via 172.30.0.13"}},
		{"nothing changed", []Node{one, two}, []Route{route("10.244.2.0/24", "172.30.0.12")}, nil},
		{"a node came back with another address", []Node{one, node("node-2", "10.244.2.0/24", "172.30.0.99")},
			[]Route{route("10.244.2.0/24", "172.30.0.12")}, []string{"replace 10.244.2.0/24 via 172.30.0.99"}},
		{"a node was deleted", []Node{one}, []Route{route("10.244.2.0/24", "172.30.0.12")},
			[]string{"remove 10.244.2.0/24 via 172.30.0.12"}},
		{"a node has no range yet", []Node{one, node("node-2", "", "172.30.0.12")}, nil, nil},
		{"a node has no address yet", []Node{one, node("node-2", "10.244.2.0/24", "")}, nil, nil},
		{"two nodes claim one range: the first by name has it", []Node{one, node("node-9", "10.244.2.0/24", "172.30.0.19"), two}, nil,
			[]string{"add 10.244.2.0/24 via 172.30.0.12"}},
		{"another node claims our range: it stays ours", []Node{node("a", "10.244.1.0/24", "172.30.0.19"), one}, nil, nil},
	} {
		var got []string
		for _, step := range PlanRoutes("node-1", c.nodes, c.existing) {
			got = append(got, step.String())
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}
