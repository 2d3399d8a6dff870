package cluster

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAChainIsShutIfItDropsWhatNoRuleOfItsOwnAccepts(t *testing.T) {
	all, err := readRuleset([]byte(`{"nftables": [
		{"metainfo": {"version": "1.1.3"}},
		{"table": {"family": "inet", "name": "a", "handle": 1}},
		{"chain": {"family": "inet", "table": "a", "name": "by-policy", "type": "filter", "hook": "forward", "prio": 0, "policy": "drop"}},
		{"chain": {"family": "inet", "table": "a", "name": "by-rule", "type": "filter", "hook": "forward", "prio": 1, "policy": "accept"}},
		{"rule": {"family": "inet", "table": "a", "chain": "by-rule", "handle": 3, "expr": [{"counter": {"packets": 1, "bytes": 2}}, {"reject": null}]}},
		{"chain": {"family": "ip", "table": "b", "name": "passed", "type": "filter", "hook": "forward", "prio": 0, "policy": "drop"}},
		{"rule": {"family": "ip", "table": "b", "chain": "passed", "handle": 4, "comment": "ours", "expr": [{"accept": null}]}},
		{"chain": {"family": "ip", "table": "b", "name": "selective", "type": "filter", "hook": "forward", "prio": 0, "policy": "accept"}},
		{"rule": {"family": "ip", "table": "b", "chain": "selective", "handle": 5, "expr": [{"match": {"op": "=="}}, {"drop": null}]}},
		{"rule": {"family": "ip", "table": "b", "chain": "selective", "handle": 6, "expr": [{"xt": null}, {"drop": null}]}},
		{"chain": {"family": "ip6", "table": "c", "name": "other-family", "type": "filter", "hook": "forward", "prio": 0, "policy": "drop"}},
		{"chain": {"family": "inet", "table": "a", "name": "other-hook", "type": "filter", "hook": "input", "prio": 0, "policy": "drop"}},
		{"chain": {"family": "inet", "table": "a", "name": "called-by-others", "handle": 9}}
	]}`))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range all.shut("forward", "ours") {
		names = append(names, c.String())
	}
	if diff := cmp.Diff([]string{"inet a by-policy", "inet a by-rule"}, names); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
