package cluster

import (
	"fmt"
	"net/netip"
	"slices"
)

// pools are where a cluster's network is looked for, in this order.
var pools = []netip.Prefix{
	netip.MustParsePrefix("172.30.0.0/16"),
	netip.MustParsePrefix("10.30.0.0/16"),
	netip.MustParsePrefix("192.168.0.0/16"),
}

// freeNetwork chooses a /24 that overlaps with nothing that is taken (the machine's routes and addresses,
// other clusters' networks).
func freeNetwork(taken []netip.Prefix) (netip.Prefix, error) {
	for _, pool := range pools {
		for third := range 256 {
			bytes := pool.Addr().As4()
			bytes[2] = byte(third)
			network := netip.PrefixFrom(netip.AddrFrom4(bytes), 24)
			if isFree(network, taken) {
				return network, nil
			}
		}
	}
	return netip.Prefix{}, fmt.Errorf("no /24 in %v is free: the machine has routes to all of them (see: ip route); take one away, or use --isolated", pools)
}

// isFree says whether network overlaps with nothing that is taken. A default route takes nothing.
func isFree(network netip.Prefix, taken []netip.Prefix) bool {
	return !slices.ContainsFunc(taken, func(other netip.Prefix) bool { return other.Bits() > 0 && other.Overlaps(network) })
}
