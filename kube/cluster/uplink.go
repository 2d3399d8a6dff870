//go:build linux

package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"sigs.k8s.io/knftables"
)

const (
	forwardingSwitch = "/proc/sys/net/ipv4/ip_forward"
	forwardingMark   = runDir + "/.forwarding-was-off" // we switched it on, and the last cluster switches it off; holds the interfaces that forward without it
)

// makeUplink lets the hosts out into the world: the machine forwards their packets and puts its own
// address on them. The caller holds the machine's lock.
func makeUplink(ctx context.Context, spec Spec) error {
	if err := plugMachine(spec.Name, spec.Network, spec.machine()); err != nil {
		return err
	}
	if err := switchForwardingOn(); err != nil {
		return err
	}
	nft, err := uplinkTable(spec.Name)
	if err != nil {
		return err
	}
	change := nft.NewTransaction()
	change.Add(&knftables.Table{})
	change.Delete(&knftables.Table{}) // add and delete: gone, whether it was there or not
	change.Add(&knftables.Table{Comment: knftables.PtrTo("hosts of the cluster " + spec.Name)})
	change.Add(&knftables.Chain{
		Name: "out", Type: knftables.PtrTo(knftables.NATType),
		Hook: knftables.PtrTo(knftables.PostroutingHook), Priority: knftables.PtrTo(knftables.SNATPriority),
	})
	change.Add(&knftables.Rule{Chain: "out", Rule: knftables.Concat(
		"ip saddr", spec.Network.String(), "oifname !=", legName(spec.Network), "masquerade")})
	if err := nft.Run(ctx, change); err != nil {
		return fmt.Errorf("masquerade hosts of %s: %w", spec.Name, err)
	}
	return passFirewalls(ctx, spec)
}

// removeUplink undoes makeUplink, as far as it was done. That the machine forwards it may owe to others too.
func removeUplink(ctx context.Context, spec Spec) error {
	if leg, err := netlink.LinkByName(legName(spec.Network)); err == nil {
		if err := netlink.LinkDel(leg); err != nil {
			return fmt.Errorf("remove %s: %w", leg.Attrs().Name, err)
		}
	}
	if _, err := exec.LookPath("nft"); err != nil {
		return nil // then nothing more was made
	}
	nft, err := uplinkTable(spec.Name)
	if err != nil {
		return err
	}
	change := nft.NewTransaction()
	change.Add(&knftables.Table{})
	change.Delete(&knftables.Table{})
	return errors.Join(nft.Run(ctx, change), leaveFirewalls(ctx, spec))
}

func uplinkTable(cluster string) (knftables.Interface, error) {
	nft, err := knftables.New(knftables.IPv4Family, "kubelab-"+cluster)
	if err != nil {
		return nil, fmt.Errorf("use nftables: %w (install it: apt install nftables)", err)
	}
	return nft, nil
}

// switchForwardingOn makes the machine a router.
func switchForwardingOn() error {
	now, err := os.ReadFile(forwardingSwitch)
	if err != nil || strings.TrimSpace(string(now)) == "1" {
		return err
	}
	links, err := netlink.LinkList()
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) { // others come and go meanwhile
		return fmt.Errorf("list the machine's interfaces: %w", err)
	}
	// The mark first: a crash in between leaves a mark that is true or does no harm.
	if err := os.WriteFile(forwardingMark, []byte(strings.Join(forwarding(links), "\n")), 0o600); err != nil {
		return err
	}
	if err := os.WriteFile(forwardingSwitch, []byte("1"), 0o644); err != nil {
		return errors.Join(os.Remove(forwardingMark),
			fmt.Errorf("let the machine forward packets: %w (make it writable, or use --isolated: then no host reaches the outside)", err))
	}
	return nil
}

// switchForwardingBack undoes switchForwardingOn, if that did anything, and unless somebody came meanwhile who relies on it.
func switchForwardingBack() error {
	before, err := os.ReadFile(forwardingMark)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	links, listed := netlink.LinkList()
	if errors.Is(listed, netlink.ErrDumpInterrupted) { // others come and go meanwhile
		listed = nil
	}
	if err = errors.Join(err, listed); err != nil {
		return err
	}
	newcomer := func(name string) bool { return !slices.Contains(strings.Split(string(before), "\n"), name) }
	if !slices.ContainsFunc(forwarding(links), newcomer) {
		if err := os.WriteFile(forwardingSwitch, []byte("0"), 0o644); err != nil {
			return err
		}
	}
	return os.Remove(forwardingMark)
}

// forwarding are the interfaces of what needs a router: containers and virtual machines. Their programs switch forwarding on when they
// start, and find that it is on.
func forwarding(links []netlink.Link) (names []string) {
	for _, link := range links {
		if slices.Contains([]string{"bridge", "macvlan", "ipvlan"}, link.Type()) {
			names = append(names, link.Attrs().Name)
		}
	}
	return names
}
