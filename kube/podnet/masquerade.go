//go:build linux

package podnet

import (
	"context"
	"fmt"
	"net/netip"

	"sigs.k8s.io/knftables"
)

// Table is the name of the nftables table (family ip) with the rule for packets that leave the cluster: see it with
// `nft list table ip kubelab-podnet`.
const Table = "kubelab-podnet"

// setUpMasquerade writes the table in the namespace of the calling thread. Packets from a pod of this node to an address that is no
// pod's get the node's address as their source, and the kernel's connection tracking sends the answers back to the pod.
func setUpMasquerade(pods, cluster netip.Prefix) error {
	nft, err := knftables.New(knftables.IPv4Family, Table)
	if err != nil {
		return fmt.Errorf("use nftables (is the program nft installed?): %w", err)
	}
	if err := nft.Run(context.Background(), masquerade(nft.NewTransaction(), pods, cluster)); err != nil {
		return fmt.Errorf("write nftables table %s: %w", Table, err)
	}
	return nil
}

// masquerade fills tx with the whole table; what the table held before is replaced in the same instant.
func masquerade(tx *knftables.Transaction, pods, cluster netip.Prefix) *knftables.Transaction {
	tx.Add(&knftables.Table{Comment: knftables.PtrTo("pods' packets that leave the cluster")})
	tx.Add(&knftables.Chain{
		Name:     "leaving",
		Type:     knftables.PtrTo(knftables.NATType),
		Hook:     knftables.PtrTo(knftables.PostroutingHook),
		Priority: knftables.PtrTo(knftables.SNATPriority),
	})
	tx.Flush(&knftables.Chain{Name: "leaving"})
	tx.Add(&knftables.Rule{
		Chain: "leaving",
		Rule:  knftables.Concat("ip saddr", pods, "ip daddr", "!=", cluster, "masquerade"),
	})
	return tx
}
