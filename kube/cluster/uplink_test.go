//go:build linux

package cluster

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
)

func TestWhoNeedsThatTheMachineForwards(t *testing.T) {
	named := func(name string) netlink.LinkAttrs { return netlink.LinkAttrs{Name: name} }
	links := []netlink.Link{
		&netlink.Device{LinkAttrs: named("eth0")}, &netlink.Veth{LinkAttrs: named("kubelab-1")},
		&netlink.Bridge{LinkAttrs: named("docker0")}, &netlink.Wireguard{LinkAttrs: named("wg0")}, &netlink.Tuntap{LinkAttrs: named("tun0")},
	}
	if diff := cmp.Diff([]string{"docker0"}, forwarding(links)); diff != "" {
		t.Error(diff)
	}
}
