//go:build linux

package podnet

import (
	"context"
	"fmt"
	"net/netip"

	"sigs.k8s.io/knftables"

	"kubelab/kube/rules"
)

// Table is the name of the nftables table (family ip) with the rules for pods' packets: see it with
// `nft list table ip kubelab-podnet`.
const Table = "kubelab-podnet"

// setUpRules writes the table in the namespace of the calling thread.
func setUpRules(pods, cluster netip.Prefix) error {
	nft, err := knftables.New(knftables.IPv4Family, Table)
	if err != nil {
		return fmt.Errorf("use nftables (is the program nft installed?): %w", err)
	}
	if err := nft.Run(context.Background(), fillTable(nft.NewTransaction(), pods, cluster)); err != nil {
		return fmt.Errorf("write nftables table %s: %w", Table, err)
	}
	return nil
}

// fillTable fills tx with the whole table; what the table held before is replaced in the same instant.
//
// A packet that names a pod as its sender must come in where the way to that pod goes out: a pod cannot send as another (RFC 3704).
//
// Packets from a pod of this node to an address that is no pod's get the node's address as their source, and the kernel's connection
// tracking sends the answers back to the pod.
func fillTable(tx *knftables.Transaction, pods, cluster netip.Prefix) *knftables.Transaction {
	tx.Add(&knftables.Table{Comment: knftables.PtrTo("who pods are, to each other and to the world")})
	rules.AddChain(tx, "arriving", knftables.FilterType, knftables.PreroutingHook, knftables.RawPriority,
		knftables.Concat("ip saddr", cluster, "fib saddr . iif oif missing drop"))
	rules.AddChain(tx, "leaving", knftables.NATType, knftables.PostroutingHook, knftables.SNATPriority,
		knftables.Concat("ip saddr", pods, "ip daddr", "!=", cluster, "masquerade"))
	return tx
}
