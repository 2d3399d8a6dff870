package listen

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
)

func TestSoManyGuestsAreLetInFromOneAddressAndInAll(t *testing.T) {
	g := newGuests()
	address := func(i int) netip.Prefix { return netip.MustParsePrefix(fmt.Sprintf("192.0.2.%d/32", i)) }
	for range maxGuestsOfAddress {
		if err := g.enter(address(1)); err != nil {
			t.Fatal(err)
		}
	}
	if g.enter(address(1)) == nil {
		t.Error("one more than an address may have is let in")
	}
	for i := 2; g.all < maxGuests; i++ {
		for range maxGuestsOfAddress {
			if err := g.enter(address(i)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if g.enter(address(200)) == nil {
		t.Error("one more than all may have is let in")
	}
	g.leave(address(1))
	if err := g.enter(address(200)); err != nil {
		t.Errorf("after one has left: %v", err)
	}
	g.leave(address(200))
	if _, kept := g.of[address(200)]; kept {
		t.Error("an address of which nobody is left is remembered")
	}
}

// from is a connection of which only its other end is known.
type from struct {
	net.Conn
	address string
}

func (f from) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(f.address))
}

func TestAHostIsCountedOnceWhicheverOfItsAddressesItComesFrom(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.1:1": "192.0.2.1/32", "[::ffff:192.0.2.1]:2": "192.0.2.1/32", "192.0.2.2:1": "192.0.2.2/32",
		"[2001:db8::1]:1": "2001:db8::/64", "[2001:db8::ffff:0:0:1]:2": "2001:db8::/64", "[2001:db8:0:1::1]:1": "2001:db8:0:1::/64",
		"[fe80::1%eth0]:1": "fe80::/64", "[fe80::2%eth1]:1": "fe80::/64",
	} {
		if got := addressOf(from{address: address}); got.String() != want {
			t.Errorf("%s: got %s, want %s", address, got, want)
		}
	}
}
