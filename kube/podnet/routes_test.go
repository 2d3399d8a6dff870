//go:build linux

package podnet

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
)

func TestOnlyOurOwnRoutesAreEverRemoved(t *testing.T) {
	node := newLab(t, 2).nodes[0] // has a route to node-2
	foreign := netlink.Route{Dst: ipNet(netip.MustParsePrefix("10.250.0.0/16")), Gw: node.ip.Next().AsSlice()}
	in(t, node.ns, func() error { return netlink.RouteAdd(&foreign) })

	in(t, node.ns, func() error {
		steps, err := SyncRoutes("node-1", nil) // all other nodes are gone
		want := []RouteStep{{RemoveRoute, Route{netip.MustParsePrefix("10.244.2.0/24"), addr("172.30.0.12")}}}
		if diff := cmp.Diff(want, steps, asText); diff != "" {
			t.Errorf("changes (-want +got):\n%s", diff)
		}
		return err
	})
	in(t, node.ns, func() error {
		routes, err := netlink.RouteList(nil, netlink.FAMILY_V4)
		var left []string
		for _, r := range routes {
			left = append(left, r.Dst.String())
		}
		want := []string{"0.0.0.0/0", "10.244.1.0/24", "10.250.0.0/16", "172.30.0.0/24"}
		if diff := cmp.Diff(want, left); diff != "" {
			t.Errorf("routes that are left (-want +got):\n%s", diff)
		}
		return err
	})
}

func TestANodeOnAnotherLinkDoesNotKeepTheOthersFromTheirRoutes(t *testing.T) {
	node := newLab(t, 1).nodes[0]
	in(t, node.ns, func() error {
		steps, err := SyncRoutes("node-1", []Node{
			{Name: "far", PodCIDR: netip.MustParsePrefix("10.244.2.0/24"), IP: addr("198.51.100.7")},
			{Name: "near", PodCIDR: netip.MustParsePrefix("10.244.3.0/24"), IP: addr("172.30.0.13")},
		})
		if err == nil {
			t.Error("no error for a node that shares no link with this one")
		}
		want := []RouteStep{{AddRoute, Route{netip.MustParsePrefix("10.244.3.0/24"), addr("172.30.0.13")}}}
		if diff := cmp.Diff(want, steps, asText); diff != "" {
			t.Errorf("changes (-want +got):\n%s", diff)
		}
		return nil
	})
}
