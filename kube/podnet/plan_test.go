package podnet

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var (
	podCIDR = netip.MustParsePrefix("10.244.1.0/24")
	addr    = netip.MustParseAddr
	asText  = cmp.Options{cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})}
)

func TestThreeAddressesOfARangeAreNeverAPods(t *testing.T) {
	small := netip.MustParsePrefix("10.244.1.8/29")
	used, last := map[netip.Addr]bool{}, netip.Addr{}
	var given []string
	for {
		ip, err := PlanAddress(small, used, last)
		if errors.Is(err, ErrRangeFull) {
			break
		}
		used[ip], last = true, ip
		given = append(given, ip.String())
	}
	// .8 is the network itself, .9 the gateway, .15 the broadcast address.
	want := []string{"10.244.1.10", "10.244.1.11", "10.244.1.12", "10.244.1.13", "10.244.1.14"}
	if diff := cmp.Diff(want, given); diff != "" {
		t.Errorf("addresses given until the range was full (-want +got):\n%s", diff)
	}
}

func TestAFreedAddressIsTheLastToBeGivenAgain(t *testing.T) {
	for _, c := range []struct{ name, used, last, want string }{
		{"the first pod of a node", "", "", "10.244.1.2"},
		{"the next pod", "10.244.1.2", "10.244.1.2", "10.244.1.3"},
		{"after .7 was freed", "", "10.244.1.7", "10.244.1.8"},
		{"the next one is in use", "10.244.1.8", "10.244.1.7", "10.244.1.9"},
		{"from the start again at the end", "", "10.244.1.254", "10.244.1.2"},
		{"the only free address is the one given last", "all but 10.244.1.9", "10.244.1.9", "10.244.1.9"},
		{"the range of the node changed", "", "10.244.9.9", "10.244.1.2"},
	} {
		used := map[netip.Addr]bool{}
		switch {
		case c.used == "all but 10.244.1.9":
			for n := uint32(2); n < 255; n++ {
				used[hostAddr(podCIDR, n)] = n != 9
			}
		case c.used != "":
			used[addr(c.used)] = true
		}
		last, _ := netip.ParseAddr(c.last)
		got, err := PlanAddress(podCIDR, used, last)
		if err != nil || got != addr(c.want) {
			t.Errorf("%s: got %s, %v; want %s", c.name, got, err, c.want)
		}
	}
}

func TestAPortIsNamedAfterTheAddressWithinTheRange(t *testing.T) {
	for cidr, want := range map[string]string{"10.244.1.0/24": "pod7", "10.244.0.0/16": "pod263"} {
		if got := PortName(netip.MustParsePrefix(cidr), addr("10.244.1.7")); got != want {
			t.Errorf("PortName(%s) = %s, want %s", cidr, got, want)
		}
	}
}

// Each case is an instant at which the runtime, or the machine, may have stopped.
func TestWhateverACrashLeavesIsMended(t *testing.T) {
	const a, b = "pod-a", "pod-b"
	both := map[string]netip.Addr{a: addr("10.244.1.2"), b: addr("10.244.1.3")}
	for _, c := range []struct {
		name      string
		allocated map[string]netip.Addr
		netns     map[string]bool
		ports     map[string]bool
		wanted    []string
		steps     []Repair
	}{
		{name: "nothing happened",
			allocated: both, netns: map[string]bool{a: true, b: true}, ports: map[string]bool{"pod2": true, "pod3": true},
			wanted: []string{a, b}},
		{name: "attach stopped after the address was written, and the runtime does not know the pod",
			allocated: both, netns: map[string]bool{a: true}, ports: map[string]bool{"pod2": true},
			wanted: []string{a},
			steps:  []Repair{{Verb: FreeAddress, ID: b, IP: both[b]}}},
		{name: "attach stopped before the namespace was mounted",
			allocated: both, netns: map[string]bool{a: true, b: false}, ports: map[string]bool{"pod2": true},
			wanted: []string{a, b},
			steps:  []Repair{{Verb: DropNetNS, ID: b}, {Verb: FreeAddress, ID: b, IP: both[b]}}},
		{name: "attach stopped before the cable was made, and the runtime wants the pod",
			allocated: both, netns: map[string]bool{a: true, b: true}, ports: map[string]bool{"pod2": true},
			wanted: []string{a, b},
			steps:  []Repair{{Verb: Plug, ID: b, Port: "pod3", IP: both[b]}}},
		{name: "attach stopped before the port was up",
			allocated: both, netns: map[string]bool{a: true, b: true}, ports: map[string]bool{"pod2": true, "pod3": false},
			wanted: []string{a, b},
			steps:  []Repair{{Verb: Plug, ID: b, Port: "pod3", IP: both[b]}}},
		{name: "detach stopped after the cable was deleted",
			allocated: both, netns: map[string]bool{a: true, b: true}, ports: map[string]bool{"pod2": true},
			wanted: []string{a},
			steps:  []Repair{{Verb: DropNetNS, ID: b}, {Verb: FreeAddress, ID: b, IP: both[b]}}},
		{name: "the runtime forgot a pod",
			allocated: both, netns: map[string]bool{a: true, b: true}, ports: map[string]bool{"pod2": true, "pod3": true},
			wanted: []string{a},
			steps:  []Repair{{Verb: UnplugPort, Port: "pod3"}, {Verb: DropNetNS, ID: b}, {Verb: FreeAddress, ID: b, IP: both[b]}}},
		{name: "the file with the addresses was lost",
			netns: map[string]bool{a: true}, ports: map[string]bool{"pod2": true},
			wanted: []string{a},
			steps:  []Repair{{Verb: UnplugPort, Port: "pod2"}, {Verb: DropNetNS, ID: a}}},
		{name: "the machine was started anew",
			allocated: both, netns: map[string]bool{a: false, b: false},
			wanted: []string{a, b},
			steps: []Repair{{Verb: DropNetNS, ID: a}, {Verb: DropNetNS, ID: b},
				{Verb: FreeAddress, ID: a, IP: both[a]}, {Verb: FreeAddress, ID: b, IP: both[b]}}},
	} {
		got := PlanRepair(podCIDR, c.allocated, Existing{NetNS: c.netns, Ports: c.ports}, c.wanted)
		if diff := cmp.Diff(c.steps, got, asText); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}
