//go:build linux

package services

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"

	"sigs.k8s.io/knftables"

	"kubelab/kube/rules"
)

// TableName is the node's nftables table (family ip): see it with `nft list table ip kubelab-services`.
const TableName = "kubelab-services"

// Ranges are the addresses of a cluster, the same for each of its nodes.
type Ranges struct {
	Pods     netip.Prefix // of all nodes
	Services netip.Prefix
}

// replaceTable writes the table with its rules and no rows. Whatever it was before goes in the same
// transaction.
func replaceTable(tx *knftables.Transaction, node Node, ranges Ranges) {
	table := &knftables.Table{}
	tx.Add(table) // so that there is one to delete
	tx.Delete(table)
	tx.Add(table)
	tx.Add(&knftables.Map{Name: servicesMap, Type: "ipv4_addr . inet_proto . inet_service : verdict"})
	// One map for each protocol: in nft, a port without a protocol is no complete type of a value.
	for _, protocol := range []string{"tcp", "udp", "sctp"} {
		tx.Add(&knftables.Map{Name: endpointsMap(protocol), TypeOf: fmt.Sprintf(
			"ip daddr . %[1]s dport . numgen random mod 65536 : ip daddr . %[1]s dport", protocol)})
	}
	tx.Add(&knftables.Set{Name: hairpinSet, Type: "ipv4_addr . ipv4_addr"})

	// Traffic of pods and of other hosts comes through prerouting; that of the node's own processes, through output.
	translate := "ip daddr . meta l4proto . th dport vmap @" + servicesMap
	rules.AddChain(tx, "prerouting", knftables.NATType, knftables.PreroutingHook, knftables.DNATPriority, translate)
	// nft knows the name dstnat at the prerouting hook only.
	rules.AddChain(tx, "output", knftables.NATType, knftables.OutputHook, "-100", translate)

	// A pod that was sent to itself must answer by way of the node, which alone knows the translation. So must a pod of
	// another node that was asked from outside the cluster.
	stranger := fmt.Sprintf("ct status dnat ip saddr != %s", ranges.Pods)
	if node.PodCIDR.IsValid() {
		stranger += fmt.Sprintf(" ip daddr != %s", node.PodCIDR)
	}
	rules.AddChain(tx, "postrouting", knftables.NATType, knftables.PostroutingHook, knftables.SNATPriority,
		"ct status dnat ip saddr . ip daddr @"+hairpinSet+" masquerade",
		stranger+" masquerade")

	// What still has a service's address after that was not translated: nobody is behind it. The cluster DNS
	// has an address of the range that is truly the node's own.
	nobody := fmt.Sprintf("ip daddr %s fib daddr type != local ", ranges.Services)
	refuse := []string{
		nobody + "meta l4proto tcp reject with tcp reset",
		nobody + "reject", // by ICMP, of which the kernel sends a client one a second
	}
	rules.AddChain(tx, "forward", knftables.FilterType, knftables.ForwardHook, knftables.FilterPriority, refuse...)
	rules.AddChain(tx, "sent-by-node", knftables.FilterType, knftables.OutputHook, knftables.FilterPriority, refuse...)
}

// Load writes the whole table with some frontends, in the network namespace of the calling thread. A proxy does it piece by piece.
func Load(ctx context.Context, node Node, ranges Ranges, frontends ...Frontend) error {
	nft, err := knftables.New(knftables.IPv4Family, TableName)
	if err != nil {
		return fmt.Errorf("use nftables: %w", err)
	}
	all := []string{"all"}
	refused, err := rules.NewLoader[string](nft, hairpinSet).Load(ctx, all, map[string]rules.Rows{all[0]: rowsOf(frontends)},
		func(tx *knftables.Transaction) { replaceTable(tx, node, ranges) })
	if err = cmp.Or(err, refused[all[0]]); err != nil {
		return fmt.Errorf("write nftables table %s: %w", TableName, err)
	}
	return nil
}
