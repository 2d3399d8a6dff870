//go:build linux

package podnet

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/knftables"
)

func TestPodsSendAsThemselvesAndOnlyWhatLeavesTheClusterIsTranslated(t *testing.T) {
	nft := knftables.NewFake(knftables.IPv4Family, Table)
	for range 2 { // the second time, the table is there already
		tx := fillTable(nft.NewTransaction(), netip.MustParsePrefix("10.244.1.0/24"), netip.MustParsePrefix("10.244.0.0/16"))
		if err := nft.Run(t.Context(), tx); err != nil {
			t.Fatal(err)
		}
	}
	want := `add table ip kubelab-podnet { comment "who pods are, to each other and to the world" ; }
add chain ip kubelab-podnet arriving { type filter hook prerouting priority -300 ; }
add chain ip kubelab-podnet leaving { type nat hook postrouting priority 100 ; }
add rule ip kubelab-podnet arriving ip saddr 10.244.0.0/16 fib saddr . iif oif missing drop
add rule ip kubelab-podnet leaving ip saddr 10.244.1.0/24 ip daddr != 10.244.0.0/16 masquerade
`
	if diff := cmp.Diff(want, nft.Dump()); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
}
