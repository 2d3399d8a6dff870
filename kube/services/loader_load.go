//go:build linux

package services

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"sigs.k8s.io/knftables"

	"kubelab/kube/operator"
)

// errRefused says that the kernel does not take the rules of one service, whatever those of the others are.
var errRefused = errors.New("the kernel refuses its rules")

// maxTries bounds how long services wait for those beside them. It finds five of ten thousand.
const maxTries = 150

// load makes the kernel's table right for some services. If the table was lost, or the node itself changed, that is all
// services. It returns what went wrong, by service.
func (l *loader) load(ctx context.Context, keys []operator.Key) map[operator.Key]error {
	node := l.observeNode()
	lost, asked := l.table == nil || l.node != node, keys
	if lost {
		l.table, l.node = NewTable(), node
		clear(l.loaded)
		keys = l.allServices()
	}
	seen := map[operator.Key]version{}
	for _, key := range keys {
		seen[key] = l.observe(key)
	}
	batch := transaction{l, lost, seen}
	failed := map[operator.Key]error{}
	err := batch.run(ctx, keys)
	if err != nil && !lost && knftables.IsNotFound(err) { // somebody has changed the table
		l.table = nil
		return l.load(ctx, keys)
	}
	if err != nil && ctx.Err() == nil { // a transaction is refused as a whole: go on without the services for which that is
		keys = batch.sift(ctx, keys, failed)
		err = batch.run(ctx, keys)
	}
	if err == nil {
		err = l.stale.flush()
	} else {
		l.table = nil // nobody knows what the kernel has now
	}
	if err != nil {
		for _, key := range slices.Concat(keys, asked) {
			failed[key] = fmt.Errorf("load rules of %d services: %w", len(keys), err)
		}
		return failed
	}
	clear(l.stale)
	return failed
}

// transaction brings services from what the loader has of them to what was seen of them.
type transaction struct {
	*loader
	replace bool // the table as a whole
	seen    map[operator.Key]version
}

// run loads services.
func (t transaction) run(ctx context.Context, keys []operator.Key) error {
	before, err := t.put(keys, func(tx *knftables.Transaction) error {
		if tx.NumOperations() == 0 {
			return nil
		}
		return t.nft.Run(ctx, tx)
	})
	if err != nil {
		t.restore(keys, before)
		return err
	}
	for _, key := range keys {
		put(t.loaded, key, t.seen[key])
		if now := t.seen[key].frontends; !slices.EqualFunc(before[key], now, sameFrontend) {
			t.stale.note(before[key], now)
		}
	}
	return nil
}

// sift returns those services that the kernel takes together, and says what it has against each of the others. Few tries find the few
// that are wrong among many: who is taken in a group needs no try of their own.
func (t transaction) sift(ctx context.Context, keys []operator.Key, failed map[operator.Key]error) (taken []operator.Key) {
	groups := [][]operator.Key{keys}
	for tries := 0; len(groups) > 0; tries++ {
		if tries == maxTries {
			for _, key := range slices.Concat(groups...) {
				failed[key] = errors.New("too many services beside it have rules that the kernel refuses: it is tried later")
			}
			break
		}
		group := groups[0]
		groups = groups[1:]
		err := t.check(ctx, slices.Concat(taken, group))
		switch half := len(group) / 2; {
		case err == nil:
			taken = append(taken, group...)
		case len(group) > 1:
			groups = append([][]operator.Key{group[:half], group[half:]}, groups...)
		case len(group) == 1:
			failed[group[0]] = fmt.Errorf("%w: %w", errRefused, err)
		}
	}
	return taken
}

// check asks the kernel about services, and changes nothing.
func (t transaction) check(ctx context.Context, keys []operator.Key) error {
	before, err := t.put(keys, func(tx *knftables.Transaction) error { return t.nft.Check(ctx, tx) })
	t.restore(keys, before)
	return err
}

// put puts services into the table, hands the transaction for that to do, and returns what the table had of them before.
func (t transaction) put(keys []operator.Key, do func(*knftables.Transaction) error) (before map[operator.Key][]Frontend, err error) {
	tx := t.nft.NewTransaction()
	if t.replace {
		replaceTable(tx, t.node, t.ranges)
	}
	before, changes := map[operator.Key][]Frontend{}, NoChanges()
	for _, key := range keys {
		before[key], _ = t.table.Put(key, t.seen[key].frontends, changes)
	}
	writeRows(tx, changes)
	return before, do(tx)
}

// restore undoes put.
func (t transaction) restore(keys []operator.Key, before map[operator.Key][]Frontend) {
	for _, key := range slices.Backward(keys) {
		t.table.Put(key, before[key], NoChanges())
	}
}
