//go:build linux

package cluster

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// firewalls are ways to drop what is forwarded, each with the way to take it away again.
var firewalls = []struct{ name, program, start, stop string }{
	{"Docker's and ufw's", "iptables-nft", "iptables-nft -P FORWARD DROP", "nft delete table ip filter"},
	{"one that ends with a rule", "iptables-nft", "iptables-nft -A FORWARD -j REJECT", "nft delete table ip filter"},
	{"one written by hand", "nft",
		"nft add table inet hand; nft add chain inet hand forward '{ type filter hook forward priority 0; policy drop; }'", "nft delete table inet hand"},
	{"one like firewalld's", "nft",
		"nft add table inet wall; nft add chain inet wall filter_FORWARD '{ type filter hook forward priority 10; }'; " +
			"nft add rule inet wall filter_FORWARD ct state established,related accept; " +
			"nft add rule inet wall filter_FORWARD reject with icmpx type admin-prohibited", "nft delete table inet wall"},
	{"that of the older iptables", "iptables-legacy", "iptables-legacy -P FORWARD DROP", "iptables-legacy -P FORWARD ACCEPT; rm -f /run/xtables.lock"},
}

func shell(t *testing.T, line string) string {
	t.Helper()
	output, err := exec.Command("sh", "-c", line).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", line, err, output)
	}
	return string(output)
}

// rulesThere are all rules of the machine.
func rulesThere(t *testing.T) string {
	t.Helper()
	return shell(t, "nft list ruleset 2>&1; grep -q filter /proc/net/ip_tables_names 2>/dev/null && iptables-legacy -S; true")
}

func TestHostsReachTheWorldWhereAFirewallDropsWhatIsForwarded(t *testing.T) {
	onEmptyMachine(t, func(t *testing.T, o Options) {
		defer outside(t)()
		for _, firewall := range firewalls {
			t.Run(firewall.name, func(t *testing.T) {
				if _, err := exec.LookPath(firewall.program); err != nil {
					t.Skip("needs " + firewall.program)
				}
				if out, err := exec.Command("sh", "-c", firewall.start).CombinedOutput(); err != nil {
					t.Skipf("this kernel has none: %v\n%s", err, out)
				}
				defer shell(t, firewall.stop)
				before := rulesThere(t)
				spec := up(t, o)
				askAtUntil(t, "node-1", spec, "198.51.100.2:80")
				if notes, err := Notes(t.Context(), spec); err != nil || strings.Contains(strings.Join(notes, "\n"), "firewall") {
					t.Errorf("%v: it says that hosts are shut in: %q", err, notes)
				}
				if err := Down(t.Context(), o.Name, o.DataDir, false); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(before, rulesThere(t)); diff != "" {
					t.Errorf("rules (-before +after):\n%s", diff)
				}
			})
		}
	})
}

func TestAFirewallThatIsStartedAfterTheClusterIsNamedAndPassedByTheNextUp(t *testing.T) {
	onEmptyMachine(t, func(t *testing.T, o Options) {
		defer outside(t)()
		spec := up(t, o)
		askAtUntil(t, "node-1", spec, "198.51.100.2:80")
		byHand := firewalls[2]
		shell(t, byHand.start)
		defer shell(t, byHand.stop)
		notes, err := Notes(t.Context(), spec)
		if said := strings.Join(notes, "\n"); err != nil || !strings.Contains(said, "inet hand forward") || !strings.Contains(said, legName(spec.Network)) {
			t.Errorf("%v: it says %q", err, notes)
		}
		if _, err := askAt("node-1", spec, "198.51.100.2:80"); err == nil {
			t.Error("the firewall drops nothing")
		}
		if _, before, err := Up(t.Context(), o); err != nil || before != Supervised {
			t.Fatal(before, err)
		}
		askAtUntil(t, "node-1", spec, "198.51.100.2:80")
	})
}

func TestTheRulesOfAClusterWhoseNameBeginsWithAnothersAreNotTheOthers(t *testing.T) {
	listed := "-P FORWARD DROP\n-A FORWARD -i kubelab1 -m comment --comment kubelab-lab10 -j ACCEPT\n"
	quoted := `-A FORWARD -i kubelab1 -m comment --comment "kubelab-lab10" -j ACCEPT` // as an older iptables lists it
	for cluster, want := range map[string]bool{"lab10": true, "lab1": false, "lab": false} {
		if noted(listed, cluster) != want || noted(quoted, cluster) != want {
			t.Errorf("%s has rules there: %t", cluster, !want)
		}
	}
}

func TestOfAFirewallsRulesThoseComeOutThatAreThere(t *testing.T) {
	onEmptyMachine(t, func(t *testing.T, o Options) {
		defer outside(t)()
		docker := firewalls[0]
		if _, err := exec.LookPath(docker.program); err != nil {
			t.Skip("needs " + docker.program)
		}
		shell(t, docker.start)
		defer shell(t, docker.stop)
		before := rulesThere(t)
		shell(t, "iptables-nft -I FORWARD -i kubelab9 -j ACCEPT -m comment --comment "+firewallNote(o.Name)) // of a life that ended without a word
		spec := up(t, o)
		askAtUntil(t, "node-1", spec, "198.51.100.2:80")
		shell(t, "iptables-nft -D FORWARD 1") // somebody takes one of two
		if err := Down(t.Context(), o.Name, o.DataDir, false); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before, rulesThere(t)); diff != "" {
			t.Errorf("rules (-before +after):\n%s", diff)
		}
	})
}

func TestTheMachinesNameServersAreReachedWhereAFirewallDropsWhatComesIn(t *testing.T) {
	spec := NewSpec(Options{Name: "x", Nodes: 1}, net30)
	spec.Relayed = []string{"127.0.0.1:53"}
	var accepted []string
	for _, p := range spec.passages() {
		for _, rule := range p.rules {
			accepted = append(accepted, p.hook+": "+rule.nft)
		}
	}
	want := []string{
		"forward: iifname kubelab0", "forward: oifname kubelab0 ct state established,related",
		"input: iifname kubelab0 udp dport 53", "input: iifname kubelab0 tcp dport 53",
	}
	if diff := cmp.Diff(want, accepted); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
