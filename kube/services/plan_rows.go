package services

import (
	"fmt"
	"slices"

	"kubelab/kube/rules"
)

// The places where the node's nftables table keeps rows, beside its chains: one for each way to pick an endpoint.
const (
	servicesMap = "services" // address . protocol . port → the chain that picks an endpoint
	hairpinSet  = "hairpin"  // sender . receiver: a pod of this node that was sent to itself
)

// endpointsMap is where the endpoints of a protocol are: address . port . number → the endpoint's address and port.
func endpointsMap(protocol string) string { return protocol + "-endpoints" }

// rowsOf encodes frontends as rows. A frontend without backends has none.
func rowsOf(frontends []Frontend) rules.Rows {
	rows := rules.Rows{}
	for _, f := range frontends {
		if len(f.Backends) == 0 {
			continue
		}
		address, port := f.Address.Addr(), f.Address.Port()
		chain, rule := picker(f.Protocol, len(f.Backends), f.Sticky)
		rows[rules.Row{In: rules.Chains, Key: chain}] = rule
		rows[rules.Row{In: servicesMap, Key: fmt.Sprintf("%s . %s . %d", address, f.Protocol, port)}] = "goto " + chain
		for i, b := range f.Backends {
			ip := b.Address.Addr()
			row := rules.Row{In: endpointsMap(f.Protocol), Key: fmt.Sprintf("%s . %d . %d", address, port, i)}
			rows[row] = fmt.Sprintf("%s . %d", ip, b.Address.Port())
			if b.Local {
				rows[rules.Row{In: hairpinSet, Key: fmt.Sprintf("%s . %s", ip, ip)}] = ""
			}
		}
	}
	return rows
}

// picker is the chain that picks one of n endpoints. There is one for each n that occurs, not one for each service.
func picker(protocol string, n int, sticky bool) (chain, rule string) {
	chain, number := "pick", "numgen random"
	if sticky {
		chain, number = "sticky", "jhash ip saddr"
	}
	return fmt.Sprintf("%s-%s-%d", protocol, chain, n),
		fmt.Sprintf("dnat to ip daddr . %s dport . %s mod %d map @%s", protocol, number, n, endpointsMap(protocol))
}

func sameFrontend(a, b Frontend) bool {
	return a.Address == b.Address && a.Protocol == b.Protocol && a.Sticky == b.Sticky && slices.Equal(a.Backends, b.Backends)
}
