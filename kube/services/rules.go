//go:build linux

package services

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"sigs.k8s.io/knftables"
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
	addChain(tx, "prerouting", knftables.NATType, knftables.PreroutingHook, knftables.DNATPriority, translate)
	// nft knows the name dstnat at the prerouting hook only.
	addChain(tx, "output", knftables.NATType, knftables.OutputHook, "-100", translate)

	// A pod that was sent to itself must answer by way of the node, which alone knows the translation. So must a pod of
	// another node that was asked from outside the cluster.
	stranger := fmt.Sprintf("ct status dnat ip saddr != %s", ranges.Pods)
	if node.PodCIDR.IsValid() {
		stranger += fmt.Sprintf(" ip daddr != %s", node.PodCIDR)
	}
	addChain(tx, "postrouting", knftables.NATType, knftables.PostroutingHook, knftables.SNATPriority,
		"ct status dnat ip saddr . ip daddr @"+hairpinSet+" masquerade",
		stranger+" masquerade")

	// What still has a service's address after that was not translated: nobody is behind it. The cluster DNS
	// has an address of the range that is truly the node's own.
	nobody := fmt.Sprintf("ip daddr %s fib daddr type != local ", ranges.Services)
	refuse := []string{
		nobody + "meta l4proto tcp reject with tcp reset",
		nobody + "reject", // by ICMP, of which the kernel sends a client one a second
	}
	addChain(tx, "forward", knftables.FilterType, knftables.ForwardHook, knftables.FilterPriority, refuse...)
	addChain(tx, "sent-by-node", knftables.FilterType, knftables.OutputHook, knftables.FilterPriority, refuse...)
}

// Load writes the whole table with some frontends, in the network namespace of the calling thread. A proxy does it piece by piece.
func Load(ctx context.Context, node Node, ranges Ranges, frontends ...Frontend) error {
	nft, err := knftables.New(knftables.IPv4Family, TableName)
	if err != nil {
		return fmt.Errorf("use nftables: %w", err)
	}
	tx := nft.NewTransaction()
	replaceTable(tx, node, ranges)
	writeRows(tx, Changes{Add: rowsOf(frontends)})
	if err := nft.Run(ctx, tx); err != nil {
		return fmt.Errorf("write nftables table %s: %w", TableName, err)
	}
	return nil
}

// addChain adds a chain that the kernel calls at a hook.
func addChain(tx *knftables.Transaction, name string, kind knftables.BaseChainType, hook knftables.BaseChainHook,
	priority knftables.BaseChainPriority, rules ...string) {
	tx.Add(&knftables.Chain{Name: name, Type: &kind, Hook: &hook, Priority: &priority})
	for _, rule := range rules {
		tx.Add(&knftables.Rule{Chain: name, Rule: rule})
	}
}

// writeRows puts changes into a transaction. A chain must be there before a row leads to it, and until no row does.
func writeRows(tx *knftables.Transaction, changes Changes) {
	for _, row := range inOrder(changes.Delete) {
		if row.In != chains {
			tx.Delete(element(row, ""))
		}
	}
	for _, row := range inOrder(changes.Add) {
		if row.In == chains {
			tx.Add(&knftables.Chain{Name: row.Key})
			tx.Add(&knftables.Rule{Chain: row.Key, Rule: changes.Add[row]})
		}
	}
	for _, row := range inOrder(changes.Add) {
		if row.In != chains {
			tx.Add(element(row, changes.Add[row]))
		}
	}
	for _, row := range inOrder(changes.Delete) {
		if row.In == chains {
			tx.Flush(&knftables.Chain{Name: row.Key})
			tx.Delete(&knftables.Chain{Name: row.Key})
		}
	}
}

// element is a row as knftables has it. An empty value will do to delete it.
func element(row Row, value string) *knftables.Element {
	e := &knftables.Element{Key: strings.Split(row.Key, " . ")}
	if row.In == hairpinSet {
		e.Set = row.In
		return e
	}
	e.Map = row.In
	if value != "" {
		e.Value = strings.Split(value, " . ")
	}
	return e
}

func inOrder(rows Rows) []Row {
	return slices.SortedFunc(maps.Keys(rows), func(a, b Row) int {
		return cmp.Or(cmp.Compare(a.In, b.In), cmp.Compare(a.Key, b.Key))
	})
}
