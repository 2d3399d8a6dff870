package nodes

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// rangeBits is the size of a node's pod range: a /24 has room for 254 addresses.
const rangeBits = 24

// FreeRange is the lowest /24 of the pod network that no node has. used may hold anything; what lies
// outside of the network is passed over.
func FreeRange(network netip.Prefix, used []netip.Prefix) (netip.Prefix, error) {
	if !network.Addr().Is4() || network.Bits() > rangeBits {
		return netip.Prefix{}, fmt.Errorf("pod network %s has no room for a /%d: give a larger IPv4 range", network, rangeBits)
	}
	taken := make(map[netip.Prefix]bool, len(used))
	for _, u := range used {
		taken[u.Masked()] = true
	}
	first := binary.BigEndian.Uint32(network.Masked().Addr().AsSlice())
	for i := range uint32(1) << (rangeBits - network.Bits()) {
		var address [4]byte
		binary.BigEndian.PutUint32(address[:], first+i<<(32-rangeBits))
		candidate := netip.PrefixFrom(netip.AddrFrom4(address), rangeBits)
		if !taken[candidate] {
			return candidate, nil
		}
	}
	return netip.Prefix{}, fmt.Errorf("pod network %s is used up by %d nodes: give a larger range", network, len(used))
}
