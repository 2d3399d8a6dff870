//go:build linux

package services

import (
	"context"
	"flag"
	"net/netip"
	"os"
	"strings"
	"testing"

	"sigs.k8s.io/knftables"

	"kubelab/kube/rules"
)

var update = flag.Bool("update", false, "write the golden files anew")

var (
	podRange = netip.MustParsePrefix("10.244.0.0/16")
	ranges   = Ranges{Pods: podRange, Services: DefaultRange}
)

// listening is a kernel that is only played, and keeps what it was told last.
type listening struct {
	*knftables.Fake
	told string
}

func (l *listening) Run(ctx context.Context, tx *knftables.Transaction) error {
	l.told = tx.String()
	return l.Fake.Run(ctx, tx)
}

// node is a node's kernel, and a function that loads the frontends of a service into it.
func node(t *testing.T) (*listening, func(service string, frontends []Frontend)) {
	kernel := &listening{Fake: knftables.NewFake(knftables.IPv4Family, TableName)}
	loader := rules.NewLoader[string](kernel, hairpinSet)
	return kernel, func(service string, frontends []Frontend) {
		t.Helper()
		var replace func(*knftables.Transaction)
		if !loader.Known() {
			replace = func(tx *knftables.Transaction) { replaceTable(tx, thisNode, ranges) }
		}
		refused, err := loader.Load(t.Context(), []string{service}, map[string]rules.Rows{service: rowsOf(frontends)}, replace)
		if err != nil || len(refused) > 0 {
			t.Fatalf("%v %v\n%s", err, refused, kernel.told)
		}
	}
}

// The whole table of a node: rules that never change, and rows.
func TestTheTableOfANode(t *testing.T) {
	kernel, load := node(t)
	dns := web(nameServer, sticky)
	dns.Name, dns.Spec.ClusterIP, dns.Spec.Ports[0].Port = "dns", "10.96.4.4", 53
	here, there := at("10.244.1.5", "node-1", "ready"), at("10.244.2.5", "node-2", "ready")
	load("both", append(PlanFrontends(web(nodePort), behind(web(), here, there), thisNode), PlanFrontends(dns, behind(dns, there), thisNode)...))
	golden(t, "testdata/table.nft", kernel.Dump())
}

// What a node is told when a pod becomes ready: two rows, and a chain that was not needed before.
func TestTheTransactionOfOneNewEndpoint(t *testing.T) {
	kernel, load := node(t)
	load("web", webWith(at("10.244.2.5", "node-2", "ready")))
	load("web", webWith(at("10.244.2.5", "node-2", "ready"), at("10.244.2.6", "node-2", "ready")))
	golden(t, "testdata/endpoint.nft", kernel.told)
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
