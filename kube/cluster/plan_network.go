package cluster

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// pools are where a cluster's network is looked for, in this order: private ranges, and one for measurements (RFC 2544) for a machine
// whose VPN leads to all of those.
var pools = []netip.Prefix{
	netip.MustParsePrefix("172.30.0.0/16"),
	netip.MustParsePrefix("10.30.0.0/16"),
	netip.MustParsePrefix("192.168.0.0/16"),
	netip.MustParsePrefix("198.18.0.0/16"),
}

const perPool = 256 // networks

// shortestRoute is how many bits a route has at least that leads to networks of its own. A shorter one is a default route or, as VPNs have
// them, a part of one (0.0.0.0/1): every longer one comes before it.
const shortestRoute = 8

// freeNetwork chooses a /24 that overlaps with nothing that is taken (the machine's routes and addresses,
// other clusters' networks).
func freeNetwork(taken []netip.Prefix) (netip.Prefix, error) {
	for _, pool := range pools {
		for third := range perPool {
			bytes := pool.Addr().As4()
			bytes[2] = byte(third)
			network := netip.PrefixFrom(netip.AddrFrom4(bytes), 24)
			if len(overlapping(network, taken)) == 0 {
				return network, nil
			}
		}
	}
	return netip.Prefix{}, fmt.Errorf("no /24 in %v is free: the machine has routes to all of them (see: ip route show table all); "+
		"take one away, or use --isolated", pools)
}

// overlapping are those that are taken of a network.
func overlapping(network netip.Prefix, taken []netip.Prefix) []netip.Prefix {
	var found []netip.Prefix
	for _, other := range taken {
		if other.Bits() >= shortestRoute && other.Overlaps(network) && !slices.Contains(found, other) {
			found = append(found, other)
		}
	}
	return found
}

// hidden says which networks that the machine has routes to are out of reach for pods, because pods or services have such addresses.
func (s *Spec) hidden(taken []netip.Prefix) []string {
	var said []string
	for _, own := range []struct {
		network    netip.Prefix
		what, flag string
	}{{s.Pods, "pods", "pod-cidr"}, {s.Services, "services", "service-cidr"}} {
		if others := outermost(overlapping(own.network, taken)); len(others) > 0 {
			said = append(said, fmt.Sprintf("pods do not reach %s, to which this machine has a route, because %s have addresses from %s; "+
				"in a new cluster with another --%s they do", list(others), own.what, own.network, own.flag))
		}
	}
	return said
}

// outermost leaves out what lies within another.
func outermost(networks []netip.Prefix) []netip.Prefix {
	return slices.DeleteFunc(slices.Clone(networks), func(inner netip.Prefix) bool {
		return slices.ContainsFunc(networks, func(outer netip.Prefix) bool {
			return outer.Bits() < inner.Bits() && outer.Contains(inner.Addr())
		})
	})
}

// mostListed is how many of many things a sentence names.
const mostListed = 4

func list(networks []netip.Prefix) string {
	var names []string
	for _, network := range networks[:min(len(networks), mostListed)] {
		names = append(names, network.String())
	}
	if more := len(networks) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return strings.Join(names, ", ")
}

// legName is the machine's interface in the cluster's network. It has the network's number in all pools, so no two networks have the same.
func legName(network netip.Prefix) string {
	number := int(network.Addr().As4()[2])
	number += perPool * max(0, slices.IndexFunc(pools, func(pool netip.Prefix) bool { return pool.Contains(network.Addr()) }))
	return fmt.Sprintf("kubelab%d", number)
}
