//go:build linux

package rules

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"sigs.k8s.io/knftables"
)

// AddChain adds a chain that the kernel calls at a hook, with these rules and no others.
func AddChain(tx *knftables.Transaction, name string, kind knftables.BaseChainType, hook knftables.BaseChainHook,
	priority knftables.BaseChainPriority, rules ...string) {
	chain := &knftables.Chain{Name: name, Type: &kind, Hook: &hook, Priority: &priority}
	tx.Add(chain)
	tx.Flush(chain)
	for _, rule := range rules {
		tx.Add(&knftables.Rule{Chain: name, Rule: rule})
	}
}

// write puts changes into a transaction. A chain must be there before a row leads to it, and until no row does.
func (l *Loader[Owner]) write(tx *knftables.Transaction, changes Changes) {
	for _, row := range inOrder(changes.Delete) {
		if row.In != Chains {
			tx.Delete(l.element(row, ""))
		}
	}
	for _, row := range inOrder(changes.Add) {
		if row.In == Chains {
			tx.Add(&knftables.Chain{Name: row.Key})
			tx.Add(&knftables.Rule{Chain: row.Key, Rule: changes.Add[row]})
		}
	}
	for _, row := range inOrder(changes.Add) {
		if row.In != Chains {
			tx.Add(l.element(row, changes.Add[row]))
		}
	}
	for _, row := range inOrder(changes.Delete) {
		if row.In == Chains {
			tx.Flush(&knftables.Chain{Name: row.Key})
			tx.Delete(&knftables.Chain{Name: row.Key})
		}
	}
}

// element is a row as knftables has it. An empty value will do to delete it.
func (l *Loader[Owner]) element(row Row, value string) *knftables.Element {
	e := &knftables.Element{Key: strings.Split(row.Key, " . ")}
	if slices.Contains(l.sets, row.In) {
		e.Set = row.In
		return e
	}
	e.Map = row.In
	if value != "" {
		e.Value = strings.Split(value, " . ")
	}
	return e
}

func inOrder(rows Rows) []Row {
	return slices.SortedFunc(maps.Keys(rows), func(a, b Row) int {
		return cmp.Or(cmp.Compare(a.In, b.In), cmp.Compare(a.Key, b.Key))
	})
}
