//go:build linux

package dns

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
)

// Own gives the current network namespace an address of its loopback interface, so that packets to it end here. It
// does nothing if the address is there, or is one that every machine has.
func Own(ip netip.Addr) error {
	if ip.IsLoopback() || ip.IsUnspecified() {
		return nil
	}
	loopback, err := netlink.LinkByIndex(1) // always the first interface of a namespace
	if err != nil {
		return fmt.Errorf("find the loopback interface: %w", err)
	}
	address := &netlink.Addr{IPNet: &net.IPNet{IP: ip.AsSlice(), Mask: net.CIDRMask(ip.BitLen(), ip.BitLen())}}
	if err := netlink.AddrReplace(loopback, address); err != nil {
		return fmt.Errorf("give the loopback interface the address %s: %w", ip, err)
	}
	return nil
}
