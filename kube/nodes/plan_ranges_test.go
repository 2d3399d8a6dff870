package nodes

import (
	"net/netip"
	"testing"
)

func TestEachNodeGetsARangeOfItsOwn(t *testing.T) {
	network := netip.MustParsePrefix("10.244.0.0/16")
	var used []netip.Prefix
	seen := map[netip.Prefix]bool{}
	for range 256 {
		free, err := FreeRange(network, used)
		if err != nil {
			t.Fatal(err)
		}
		if seen[free] || !network.Contains(free.Addr()) || free.Bits() != 24 {
			t.Fatalf("%s was given before, or is none of %s", free, network)
		}
		seen[free] = true
		used = append(used, free)
	}
	if free, err := FreeRange(network, used); err == nil {
		t.Errorf("the 257th node got %s of a network of 256 ranges", free)
	}
}

func TestARangeThatIsGivenBackIsGivenAgain(t *testing.T) {
	used := []netip.Prefix{netip.MustParsePrefix("10.244.0.0/24"), netip.MustParsePrefix("10.244.2.0/24"), netip.MustParsePrefix("192.168.0.0/24")}
	if free, err := FreeRange(netip.MustParsePrefix("10.244.0.0/16"), used); err != nil || free.String() != "10.244.1.0/24" {
		t.Errorf("got %v, %v", free, err)
	}
}

func TestANetworkWithoutRoomIsRefused(t *testing.T) {
	for _, network := range []string{"10.244.0.0/25", "fd00::/48"} {
		if _, err := FreeRange(netip.MustParsePrefix(network), nil); err == nil {
			t.Errorf("%s was accepted", network)
		}
	}
}
