//go:build linux

package podnet

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
	"sigs.k8s.io/knftables"
)

// refuse has the node refuse connections between two pods.
func refuse(from, to netip.Addr) error {
	nft, err := knftables.New(knftables.IPv4Family, "policy-of-the-test")
	if err != nil {
		return err
	}
	tx := nft.NewTransaction()
	tx.Add(&knftables.Table{})
	tx.Add(&knftables.Chain{Name: "forward", Type: knftables.PtrTo(knftables.FilterType),
		Hook: knftables.PtrTo(knftables.ForwardHook), Priority: knftables.PtrTo(knftables.FilterPriority)})
	tx.Add(&knftables.Rule{Chain: "forward", Rule: knftables.Concat("ip saddr", from, "ip daddr", to, "tcp flags syn / syn,ack reject with tcp reset")})
	return nft.Run(context.Background(), tx)
}

// A service's address is rewritten to a pod's by package services. This table does the same for one address, the least that shows whether
// the node sees a connection's packets in both directions.
func redirect(service, pod netip.Addr) error {
	nft, err := knftables.New(knftables.IPv4Family, "service-of-the-test")
	if err != nil {
		return err
	}
	tx := nft.NewTransaction()
	tx.Add(&knftables.Table{})
	tx.Add(&knftables.Chain{Name: "arriving", Type: knftables.PtrTo(knftables.NATType),
		Hook: knftables.PtrTo(knftables.PreroutingHook), Priority: knftables.PtrTo(knftables.DNATPriority)})
	tx.Add(&knftables.Rule{Chain: "arriving", Rule: knftables.Concat("ip daddr", service, "dnat to", pod)})
	tx.Add(&knftables.Chain{Name: "leaving", Type: knftables.PtrTo(knftables.NATType),
		Hook: knftables.PtrTo(knftables.PostroutingHook), Priority: knftables.PtrTo(knftables.SNATPriority)})
	tx.Add(&knftables.Rule{Chain: "leaving", Rule: knftables.Concat("ip saddr", pod, "ip daddr", pod, "masquerade")})
	return nft.Run(context.Background(), tx)
}

func TestAServiceAnswersFromAPodOfTheCallersNodeWhateverBridgesShowToTheNode(t *testing.T) {
	for _, filter := range []string{"0", "1"} {
		t.Run("bridge-nf-call-iptables="+filter, func(t *testing.T) {
			node := newLab(t, 1).nodes[0]
			in(t, node.ns, func() error { return setBridgeFilter(filter) })
			service := addr("10.96.0.7")
			caller, server := node.attach(t, "caller"), node.attach(t, "server")
			in(t, node.ns, func() error { return redirect(service, server.IP) })

			from, err := seenAs(caller.NetNS, service)
			if err != nil || from != caller.IP.String() {
				t.Errorf("the pod next door sees %s as %q, %v", caller.IP, from, err)
			}
			from, err = seenAs(server.NetNS, service)
			if err != nil || from != server.Gateway.String() {
				t.Errorf("a pod that its own service leads to itself sees %q, %v; want the gateway", from, err)
			}
		})
	}
}

// setBridgeFilter says whether bridges show their frames to the IP layer. Without the kernel's module br_netfilter they never do.
func setBridgeFilter(value string) error {
	err := setSysctl("bridge/bridge-nf-call-iptables", value)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

func TestTheNodeSeesAndCountsEveryPacketBetweenItsPods(t *testing.T) {
	node := newLab(t, 1).nodes[0]
	in(t, node.ns, func() error { return setBridgeFilter("0") })
	a, b := node.attach(t, "a"), node.attach(t, "b")
	in(t, node.ns, func() error { return refuse(a.IP, b.IP) })
	if from, err := seenAs(a.NetNS, b.IP); !errors.Is(err, unix.ECONNREFUSED) {
		t.Errorf("answered %q, %v, though a rule of the node refuses it", from, err)
	}
	if _, err := seenAs(b.NetNS, a.IP); err != nil {
		t.Errorf("the way back, which no rule refuses: %v", err)
	}
}

func TestAPodThatClaimsToHaveNeighboursReachesNoneByItself(t *testing.T) {
	node := newLab(t, 1).nodes[0]
	a, b := node.attach(t, "a"), node.attach(t, "b")
	in(t, a.NetNS, func() error {
		eth0, err := netlink.LinkByName(podInterface)
		if err != nil {
			return err
		}
		return netlink.RouteAdd(&netlink.Route{LinkIndex: eth0.Attrs().Index, Dst: ipNet(netip.PrefixFrom(b.IP, 32)), Scope: netlink.SCOPE_LINK})
	})
	if from, err := seenAs(a.NetNS, b.IP); err == nil {
		t.Errorf("answered %q past the node's rules", from)
	}
}

func TestWhatAPodSendsWithTheAddressOfAnotherIsDropped(t *testing.T) {
	node := newLab(t, 1).nodes[0]
	forger, forged, receiver := node.attach(t, "forger"), node.attach(t, "forged"), node.attach(t, "receiver")
	in(t, forger.NetNS, func() error { return addLink(nil, forged.IP.String()+"/32") }) // the loopback has it too
	var heard net.PacketConn
	in(t, receiver.NetNS, func() (err error) {
		heard, err = net.ListenPacket("udp4", receiver.IP.String()+":53")
		return err
	})
	defer heard.Close()
	for _, source := range []netip.Addr{forged.IP, forger.IP} {
		in(t, forger.NetNS, func() error {
			conn, err := net.DialUDP("udp4", &net.UDPAddr{IP: source.AsSlice()}, &net.UDPAddr{IP: receiver.IP.AsSlice(), Port: 53})
			if err != nil {
				return err
			}
			defer conn.Close()
			_, err = conn.Write([]byte("hello"))
			return err
		})
	}
	_, from, err := heard.ReadFrom(make([]byte, 16))
	if err != nil || from.(*net.UDPAddr).AddrPort().Addr() != forger.IP {
		t.Errorf("the first that arrives is from %v, %v; want the second, sent as %s", from, err, forger.IP)
	}
}

func TestAnAddressThatNoPodHasIsRefusedAtOnce(t *testing.T) {
	l := newLab(t, 2)
	nobody := addr("10.244.2.99")
	for what, ns := range map[string]string{
		"from a pod of the node":      l.nodes[1].attach(t, "near").NetNS,
		"from a pod of another node":  l.nodes[0].attach(t, "far").NetNS,
		"from the node itself":        l.nodes[1].ns,
		"from the node of other pods": l.nodes[0].ns,
	} {
		start := time.Now()
		if _, err := seenAs(ns, nobody); !errors.Is(err, unix.EHOSTUNREACH) || time.Since(start) > 500*time.Millisecond {
			t.Errorf("%s: %v after %s, want no route to host at once", what, err, time.Since(start))
		}
	}
}
