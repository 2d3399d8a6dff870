//go:build linux

package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

const legacyIptables = "iptables-legacy"

func firewallNote(cluster string) string { return "kubelab-" + cluster }

// noted says whether what iptables lists has a cluster's note. That of another one may begin with it.
func noted(listed, cluster string) bool {
	return slices.ContainsFunc(strings.Fields(listed), func(word string) bool { return strings.Trim(word, `"`) == firewallNote(cluster) })
}

// withdrawn are the changes that take out what iptables lists with a cluster's note.
func withdrawn(listed, cluster string) (changes []string) {
	for line := range strings.Lines(listed) {
		if rule, adds := strings.CutPrefix(strings.TrimSpace(line), "-A "); adds && noted(rule, cluster) {
			changes = append(changes, "-D "+rule)
		}
	}
	return changes
}

// passFirewalls lets the hosts' packets pass where a firewall of the machine (Docker's, ufw's, one written by hand) drops what no rule of its
// own accepts. Our table could not: a packet must be accepted by every table. What a firewall does not let us do is no error,
// because the cluster works without a way out, and [Notes] tells of it.
func passFirewalls(ctx context.Context, spec Spec) error {
	for _, p := range spec.passages() {
		for _, program := range iptablesShut(ctx, spec, p) {
			_ = passIptables(ctx, program, spec, p)
		}
		shut, err := shutChains(ctx, spec, p)
		if err != nil {
			return err
		}
		for _, c := range shut {
			_ = passChain(ctx, c, spec, p)
		}
	}
	return nil
}

// leaveFirewalls takes out what passFirewalls put in, in this life of the cluster or in one before: it goes by what is there.
func leaveFirewalls(ctx context.Context, spec Spec) error {
	var failures []error
	for _, program := range iptablesPrograms() {
		for _, hook := range []string{"forward", "input"} {
			there, err := chainOf(ctx, program, hook)
			if gone := withdrawn(there, spec.Name); err == nil && len(gone) > 0 { // an error: the kernel has no such rules
				failures = append(failures, restore(ctx, program, gone))
			}
		}
	}
	all, err := listRuleset(ctx)
	if err != nil {
		return errors.Join(append(failures, err)...)
	}
	for _, r := range all.rules {
		if r.Comment == firewallNote(spec.Name) {
			failures = append(failures, run(ctx, []string{fmt.Sprintf("delete rule %s %s %s handle %d", r.Family, r.Table, r.Chain, r.Handle)}, "nft", "-f", "-"))
		}
	}
	return errors.Join(failures...)
}

// shutPattern matches what iptables lists of a chain that drops what no rule of its own accepts.
var shutPattern = regexp.MustCompile(`(?m)^(-P [A-Z]+ DROP|-A [A-Z]+ -j (DROP|REJECT).*)$`)

// iptablesShut are the programs in whose rules a passage is shut.
func iptablesShut(ctx context.Context, spec Spec, p passage) []string {
	return slices.DeleteFunc(iptablesPrograms(), func(program string) bool {
		there, err := chainOf(ctx, program, p.hook) // an error: the kernel has no such rules
		return err != nil || noted(there, spec.Name) || !shutPattern.MatchString(there)
	})
}

// iptablesPrograms are those that have rules to look at. What the older kind shows is in tables of the kernel's that nft does not list, and
// that would come to be if we asked for them.
func iptablesPrograms() []string {
	var found []string
	if program, err := exec.LookPath("iptables-nft"); err == nil {
		found = append(found, program)
	}
	tables, _ := os.ReadFile("/proc/net/ip_tables_names") // not there: no such table
	if program, err := exec.LookPath(legacyIptables); err == nil && slices.Contains(strings.Fields(string(tables)), "filter") {
		found = append(found, program)
	}
	return found
}

// chainOf lists what iptables has at a hook.
func chainOf(ctx context.Context, program, hook string) (string, error) {
	listed, err := exec.CommandContext(ctx, program, "-w", "-S", strings.ToUpper(hook)).Output()
	return string(listed), err
}

// passIptables inserts rules that accept.
func passIptables(ctx context.Context, program string, spec Spec, p passage) error {
	var inserts []string
	for _, accepted := range p.rules {
		inserts = append(inserts, fmt.Sprintf("-I %s %s -j ACCEPT -m comment --comment %s", strings.ToUpper(p.hook), accepted.iptables, firewallNote(spec.Name)))
	}
	return restore(ctx, program, inserts)
}

// restore changes rules of iptables: all or none, for a start that is killed in the middle leaves no half way.
func restore(ctx context.Context, program string, changes []string) error {
	return run(ctx, slices.Concat([]string{"*filter"}, changes, []string{"COMMIT"}), program+"-restore", "--wait", "--noflush")
}

// passChain inserts the same with nft.
func passChain(ctx context.Context, c chain, spec Spec, p passage) error {
	var inserts []string
	for _, accepted := range p.rules {
		inserts = append(inserts, fmt.Sprintf("insert rule %s %s %s %s accept comment %q", c.Family, c.Table, c.Name, accepted.nft, firewallNote(spec.Name)))
	}
	return run(ctx, inserts, "nft", "-f", "-")
}

// run gives a program lines to read.
func run(ctx context.Context, lines []string, program string, args ...string) error {
	command := exec.CommandContext(ctx, program, args...)
	command.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(command.Args, " "), err, strings.TrimSpace(string(output)))
	}
	return nil
}

func listRuleset(ctx context.Context) (ruleset, error) {
	listed, err := exec.CommandContext(ctx, "nft", "--json", "--handle", "list", "ruleset").Output()
	if err != nil {
		return ruleset{}, fmt.Errorf("list the machine's rules: %w", err)
	}
	return readRuleset(listed)
}

// shutChains are those that drop what a passage is for. That of iptables may have our rules in a form that only iptables reads.
func shutChains(ctx context.Context, spec Spec, p passage) ([]chain, error) {
	all, err := listRuleset(ctx)
	if err != nil {
		return nil, err
	}
	shut := all.shut(p.hook, firewallNote(spec.Name))
	return slices.DeleteFunc(shut, func(c chain) bool {
		if c.Family != "ip" || c.Table != "filter" || c.Name != strings.ToUpper(p.hook) {
			return false
		}
		program, err := exec.LookPath("iptables-nft")
		if err != nil {
			return false
		}
		there, err := chainOf(ctx, program, p.hook)
		return err == nil && noted(there, spec.Name)
	}), nil
}

// Notes say what a person should know who uses a cluster on this machine: what its hosts and pods do not reach, and what to do.
func Notes(ctx context.Context, spec Spec) ([]string, error) {
	if spec.Isolated {
		return nil, nil
	}
	taken, err := takenNetworks()
	if err != nil {
		return nil, err
	}
	notes := spec.hidden(taken)
	for _, p := range spec.passages() {
		places := map[string]bool{}
		shut, err := shutChains(ctx, spec, p)
		if err != nil {
			return nil, err
		}
		for _, c := range shut {
			places[c.String()] = true
		}
		for _, program := range iptablesShut(ctx, spec, p) {
			if filepath.Base(program) == legacyIptables { // what the other has, nft lists too
				places[strings.ToUpper(p.hook)+" of "+legacyIptables] = true
			}
		}
		for _, place := range slices.Sorted(maps.Keys(places)) {
			notes = append(notes, fmt.Sprintf("the machine's firewall, chain %s, drops what hosts send, and cannot be changed from here: "+
				"let %s pass there (with firewalld: sudo firewall-cmd --zone=trusted --add-interface=%[2]s)", place, legName(spec.Network)))
		}
	}
	if len(spec.Upstream) == 0 {
		notes = append(notes, "this machine names no name server that hosts can reach: they know only the names of the cluster")
	}
	return notes, nil
}
