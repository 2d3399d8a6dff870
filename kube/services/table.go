package services

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/types"
)

// The places where the node's nftables table keeps rows.
const (
	servicesMap = "services" // address . protocol . port → the chain that picks an endpoint
	hairpinSet  = "hairpin"  // sender . receiver: a pod of this node that was sent to itself
	chains      = "chains"   // the chains that pick one of N endpoints, each with its only rule
)

// endpointsMap is where the endpoints of a protocol are: address . port . number → the endpoint's address and port.
func endpointsMap(protocol string) string { return protocol + "-endpoints" }

// Row names one row: where it is, and its key.
type Row struct{ In, Key string }

// Rows are rows with their values. A member of a set has none.
type Rows map[Row]string

// rowsOf encodes frontends as rows. A frontend without backends has none.
func rowsOf(frontends []Frontend) Rows {
	rows := Rows{}
	for _, f := range frontends {
		if len(f.Backends) == 0 {
			continue
		}
		address, port := f.Address.Addr(), f.Address.Port()
		chain, rule := picker(f.Protocol, len(f.Backends), f.Sticky)
		rows[Row{chains, chain}] = rule
		rows[Row{servicesMap, fmt.Sprintf("%s . %s . %d", address, f.Protocol, port)}] = "goto " + chain
		for i, b := range f.Backends {
			ip := b.Address.Addr()
			row := Row{endpointsMap(f.Protocol), fmt.Sprintf("%s . %d . %d", address, port, i)}
			rows[row] = fmt.Sprintf("%s . %d", ip, b.Address.Port())
			if b.Local {
				rows[Row{hairpinSet, fmt.Sprintf("%s . %s", ip, ip)}] = ""
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

// Table is what a node's table holds, and for which services.
type Table struct {
	services map[types.NamespacedName][]Frontend
	rows     map[Row]cell
}

// cell is a row's value, and how many services want the row: two may have the same pod as an endpoint.
type cell struct {
	value   string
	holders int
}

// NewTable makes an empty table.
func NewTable() *Table {
	return &Table{services: map[types.NamespacedName][]Frontend{}, rows: map[Row]cell{}}
}

// Changes are the rows that lead from one content of a table to another. A row that only changes its value is in both.
type Changes struct{ Delete, Add Rows }

// NoChanges has room for some.
func NoChanges() Changes { return Changes{Delete: Rows{}, Add: Rows{}} }

// Put replaces what the table holds for a service, and notes in changes what that takes. It returns the
// frontends that the service had before, and false if they are the same.
func (t *Table) Put(service types.NamespacedName, frontends []Frontend, changes Changes) (before []Frontend, changed bool) {
	before = t.services[service]
	if slices.EqualFunc(before, frontends, sameFrontend) {
		return before, false
	}
	t.services[service] = frontends
	if frontends == nil {
		delete(t.services, service)
	}
	// What stays is taken before it is let go, so that it never seems to be wanted by nobody.
	for row, value := range rowsOf(frontends) {
		t.take(row, value, changes)
	}
	for row := range rowsOf(before) {
		t.letGo(row, changes)
	}
	return before, true
}

func (t *Table) take(row Row, value string, changes Changes) {
	c, there := t.rows[row]
	t.rows[row] = cell{value, c.holders + 1}
	if there && c.value == value {
		return
	}
	_, added := changes.Add[row]
	if there && !added {
		changes.Delete[row] = c.value
	}
	if old, deleted := changes.Delete[row]; deleted && old == value {
		delete(changes.Delete, row) // it is as it was before these changes
		delete(changes.Add, row)
		return
	}
	changes.Add[row] = value
}

func (t *Table) letGo(row Row, changes Changes) {
	c := t.rows[row]
	if c.holders--; c.holders > 0 {
		t.rows[row] = c
		return
	}
	delete(t.rows, row)
	if _, added := changes.Add[row]; added {
		delete(changes.Add, row)
		return
	}
	changes.Delete[row] = c.value
}

func sameFrontend(a, b Frontend) bool {
	return a.Address == b.Address && a.Protocol == b.Protocol && a.Sticky == b.Sticky && slices.Equal(a.Backends, b.Backends)
}
