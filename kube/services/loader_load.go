//go:build linux

package services

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"sigs.k8s.io/knftables"

	"kubelab/kube/operator"
	"kubelab/kube/rules"
)

// load makes the kernel's table right for some services. If the table was lost, or the node itself changed, that is all
// services. It returns what went wrong, by service.
func (l *loader) load(ctx context.Context, keys []operator.Key) map[operator.Key]error {
	asked, node := keys, l.observeNode()
	var replace func(*knftables.Transaction)
	if !l.rules.Known() || l.node != node {
		l.node = node
		clear(l.loaded)
		keys = l.allServices()
		replace = func(tx *knftables.Transaction) { replaceTable(tx, node, l.ranges) }
	}
	seen, wanted := map[operator.Key]version{}, map[operator.Key]rules.Rows{}
	for _, key := range keys {
		seen[key] = l.observe(key)
		wanted[key] = rowsOf(seen[key].frontends)
	}
	failed, err := l.rules.Load(ctx, keys, wanted, replace)
	if errors.Is(err, rules.ErrLost) {
		return l.load(ctx, asked)
	}
	if err == nil {
		for _, key := range keys {
			if failed[key] == nil {
				l.keep(key, seen[key])
			}
		}
		err = l.stale.flush()
	}
	if err != nil {
		l.rules.Forget()
		for _, key := range slices.Concat(keys, asked) {
			if failed[key] == nil {
				failed[key] = fmt.Errorf("load rules of %d services: %w", len(keys), err)
			}
		}
		return failed
	}
	clear(l.stale)
	return failed
}

// keep notes that the kernel has a version of a service now.
func (l *loader) keep(key operator.Key, now version) {
	before := l.loaded[key].frontends
	put(l.loaded, key, now)
	if !slices.EqualFunc(before, now.frontends, sameFrontend) {
		l.stale.note(before, now.frontends)
	}
}
