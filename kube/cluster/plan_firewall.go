package cluster

import (
	"encoding/json"
	"fmt"
	"slices"
)

const dnsPort = 53

// passage is what hosts need to be let through by the machine's firewalls, at one hook of the kernel.
type passage struct {
	hook  string // as nft calls it; iptables has its name in capitals
	rules []accepted
}

// accepted is one kind of packet, in the words of both programs.
type accepted struct{ nft, iptables string }

// passages are those of a cluster: what hosts send to the world and what comes back, and questions for names that the machine relays.
func (s *Spec) passages() []passage {
	leg := legName(s.Network)
	all := []passage{{"forward", []accepted{
		{"iifname " + leg, "-i " + leg},
		{"oifname " + leg + " ct state established,related", "-o " + leg + " -m conntrack --ctstate ESTABLISHED,RELATED"},
	}}}
	if len(s.Relayed) > 0 {
		names := passage{hook: "input"}
		for _, transport := range []string{"udp", "tcp"} {
			names.rules = append(names.rules, accepted{
				fmt.Sprintf("iifname %s %s dport %d", leg, transport, dnsPort), fmt.Sprintf("-i %s -p %s --dport %d", leg, transport, dnsPort)})
		}
		all = append(all, names)
	}
	return all
}

// chain is one that the kernel calls at a hook.
type chain struct {
	Family, Table, Name string
	Hook, Policy        string
}

func (c chain) String() string { return fmt.Sprintf("%s %s %s", c.Family, c.Table, c.Name) }

// rule is one of a chain. Expr are what it compares and does, each with its name.
type rule struct {
	Family, Table, Chain string
	Handle               int
	Comment              string
	Expr                 []map[string]any
}

func (r rule) in(c chain) bool {
	return r.Family == c.Family && r.Table == c.Table && r.Chain == c.Name
}

// closes says whether nothing gets past the rule: it drops or rejects, and compares nothing.
func (r rule) closes() bool {
	end := false
	for _, part := range r.Expr {
		for name := range part {
			switch name {
			case "drop", "reject":
				end = true
			case "counter", "log", "limit":
			default:
				return false
			}
		}
	}
	return end
}

// ruleset is what nft lists.
type ruleset struct {
	chains []chain
	rules  []rule
}

func readRuleset(listed []byte) (ruleset, error) {
	var list struct {
		Nftables []struct {
			Chain *chain
			Rule  *rule
		}
	}
	if err := json.Unmarshal(listed, &list); err != nil {
		return ruleset{}, fmt.Errorf("read what nft lists: %w", err)
	}
	var all ruleset
	for _, item := range list.Nftables {
		if item.Chain != nil {
			all.chains = append(all.chains, *item.Chain)
		}
		if item.Rule != nil {
			all.rules = append(all.rules, *item.Rule)
		}
	}
	return all, nil
}

// shut are the chains of a hook that drop what no rule of theirs accepts, and have no rule with that comment. A packet must be accepted by
// all chains of a hook, so no rule elsewhere helps.
func (r ruleset) shut(hook, comment string) []chain {
	var shut []chain
	for _, c := range r.chains {
		if c.Hook != hook || c.Family != "ip" && c.Family != "inet" {
			continue
		}
		drops := c.Policy == "drop" || slices.ContainsFunc(r.rules, func(one rule) bool { return one.in(c) && one.closes() })
		if drops && !slices.ContainsFunc(r.rules, func(one rule) bool { return one.in(c) && one.Comment == comment }) {
			shut = append(shut, c)
		}
	}
	return shut
}
