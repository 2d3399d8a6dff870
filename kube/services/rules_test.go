//go:build linux

package services

import (
	"context"
	"flag"
	"net/netip"
	"os"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/knftables"
)

var update = flag.Bool("update", false, "write the golden files anew")

var (
	podRange = netip.MustParsePrefix("10.244.0.0/16")
	ranges   = Ranges{Pods: podRange, Services: DefaultRange}
)

// load runs the transaction that a proxy makes of changes, in a kernel that is only played.
func load(t *testing.T, nft knftables.Interface, fill func(*knftables.Transaction)) {
	t.Helper()
	tx := nft.NewTransaction()
	fill(tx)
	if err := nft.Run(context.Background(), tx); err != nil {
		t.Fatalf("%v\n%s", err, tx)
	}
}

// The whole table of a node: rules that never change, and rows.
func TestTheTableOfANode(t *testing.T) {
	nft := knftables.NewFake(knftables.IPv4Family, TableName)
	table, changes := NewTable(), NoChanges()
	dns := web(nameServer, sticky)
	dns.Name, dns.Spec.ClusterIP, dns.Spec.Ports[0].Port = "dns", "10.96.4.4", 53
	here, there := at("10.244.1.5", "node-1", "ready"), at("10.244.2.5", "node-2", "ready")
	table.Put(webKey, PlanFrontends(web(nodePort), behind(web(), here, there), thisNode), changes)
	table.Put(types.NamespacedName{Namespace: "shop", Name: "dns"}, PlanFrontends(dns, behind(dns, there), thisNode), changes)
	load(t, nft, func(tx *knftables.Transaction) {
		replaceTable(tx, thisNode, ranges)
		writeRows(tx, changes)
	})
	golden(t, "testdata/table.nft", nft.Dump())
}

// What a node is told when a pod becomes ready: two rows, and a chain that was not needed before.
func TestTheTransactionOfOneNewEndpoint(t *testing.T) {
	nft := knftables.NewFake(knftables.IPv4Family, TableName)
	table := NewTable()
	first := replace(table, webKey, webWith(at("10.244.2.5", "node-2", "ready")))
	load(t, nft, func(tx *knftables.Transaction) {
		replaceTable(tx, thisNode, ranges)
		writeRows(tx, first)
	})
	second := replace(table, webKey, webWith(at("10.244.2.5", "node-2", "ready"), at("10.244.2.6", "node-2", "ready")))
	load(t, nft, func(tx *knftables.Transaction) {
		writeRows(tx, second)
		golden(t, "testdata/endpoint.nft", tx.String())
	})
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	check(t, path, strings.Split(got, "\n"), strings.Split(string(want), "\n"))
}
