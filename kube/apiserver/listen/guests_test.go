package listen

import (
	"fmt"
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
