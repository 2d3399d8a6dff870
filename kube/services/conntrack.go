//go:build linux

package services

import (
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// A connection is translated by its first packet; the kernel remembers the translation for the rest. TCP ends its
// connections, so a backend that goes is forgotten with them. UDP has none: a client that keeps sending from one
// port keeps its translation, and a name server that is gone would be asked forever. So the kernel is told to
// forget.

// stale are the UDP frontends that changed, with the backends that they have now.
type stale map[netip.AddrPort][]Backend

// note adds what changed of a service.
func (s stale) note(before, after []Frontend) {
	for _, f := range before {
		if f.Protocol == "udp" {
			s[f.Address] = nil
		}
	}
	for _, f := range after {
		if f.Protocol == "udp" {
			s[f.Address] = f.Backends
		}
	}
}

// flush makes the kernel forget every translation that it would not make any more, and those packets that it passed
// on untranslated before there was a rule for them.
func (s stale) flush() error {
	if len(s) == 0 {
		return nil
	}
	if _, err := netlink.ConntrackDeleteFilters(netlink.ConntrackTable, unix.AF_INET, s); err != nil {
		return fmt.Errorf("forget translations of UDP services: %w", err)
	}
	return nil
}

// MatchConntrackFlow says whether a flow is to be forgotten.
func (s stale) MatchConntrackFlow(flow *netlink.ConntrackFlow) bool {
	if flow.Forward.Protocol != unix.IPPROTO_UDP {
		return false
	}
	backends, asked := s[addrPort(flow.Forward.DstIP, flow.Forward.DstPort)]
	answers := addrPort(flow.Reverse.SrcIP, flow.Reverse.SrcPort)
	return asked && !slices.ContainsFunc(backends, func(b Backend) bool { return b.Address == answers })
}

func addrPort(ip net.IP, port uint16) netip.AddrPort {
	addr, _ := netip.AddrFromSlice(ip)
	return netip.AddrPortFrom(addr.Unmap(), port)
}
