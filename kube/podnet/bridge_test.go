//go:build linux

package podnet

import (
	"context"
	"net/netip"
	"os"
	"testing"

	"sigs.k8s.io/knftables"
)

// A service's address is rewritten to a pod's by package services. This table does the same for one address, the least that shows whether
// the bridge does its part.
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

func TestAServiceAnswersFromAPodOnTheSameBridge(t *testing.T) {
	node := newLab(t, 1).nodes[0]
	if !node.net.BridgeFilter {
		t.Skip("needs the kernel module br_netfilter")
	}
	service := addr("10.96.0.7")
	caller, server := node.attach(t, "caller"), node.attach(t, "server")
	in(t, node.ns, func() error { return redirect(service, server.IP) })

	from, err := seenAs(caller.NetNS, service)
	if err != nil || from != caller.IP.String() {
		t.Errorf("the pod next door sees %s as %q, %v", caller.IP, from, err)
	}
	// Its own service, and it is chosen itself: the frame leaves the bridge where it came in (hairpin).
	if _, err := seenAs(server.NetNS, service); err != nil {
		t.Errorf("a pod does not reach itself through its service: %v", err)
	}

	// And why all this is needed:
	in(t, node.ns, func() error {
		return os.WriteFile("/proc/sys/net/bridge/bridge-nf-call-iptables", []byte("0"), 0)
	})
	if from, err := seenAs(caller.NetNS, service); err == nil {
		t.Errorf("answered %q although the bridge hides the pods' packets from the node", from)
	}
}
