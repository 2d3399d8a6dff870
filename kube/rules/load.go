//go:build linux

package rules

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"sigs.k8s.io/knftables"
)

var (
	// ErrRefused says that the kernel does not take the rows of one owner, whatever those of the others are.
	ErrRefused = errors.New("the kernel refuses its rules")
	// ErrLost says that the kernel's table is not the one that was loaded: somebody has changed it. It must be replaced.
	ErrLost = errors.New("somebody has changed the table")
)

// maxTries bounds how long owners wait for those beside them. It finds five of ten thousand.
const maxTries = 150

// Loader brings the rows of owners to one table of the kernel's. One goroutine uses it.
type Loader[Owner comparable] struct {
	nft   knftables.Interface
	sets  []string
	table *Table[Owner] // nil: nobody knows what the kernel has
}

// NewLoader makes a loader for a table of which nothing is known yet. Of the places of its rows, these are sets.
func NewLoader[Owner comparable](nft knftables.Interface, sets ...string) *Loader[Owner] {
	return &Loader[Owner]{nft: nft, sets: sets}
}

// Known says whether the loader knows what the kernel has. If not, the table must be replaced.
func (l *Loader[Owner]) Known() bool { return l.table != nil }

// Forget makes the table unknown.
func (l *Loader[Owner]) Forget() { l.table = nil }

// Load makes the kernel have the rows that each of the owners wants, and of all other owners what it had. It returns, by owner, what
// the kernel refuses ([ErrRefused]): of those it keeps the rows that it had. Any other error is one of all: then the table is
// unknown.
//
// With replace, which writes a table with its rules and no rows, whatever there was before goes in the same transaction. It must
// be given when the table is not known.
func (l *Loader[Owner]) Load(ctx context.Context, owners []Owner, wanted map[Owner]Rows, replace func(*knftables.Transaction)) (map[Owner]error, error) {
	if replace != nil {
		l.table = NewTable[Owner]()
	}
	t := transaction[Owner]{l, wanted, replace}
	refused := map[Owner]error{}
	err := t.run(ctx, owners)
	if err != nil && replace == nil && knftables.IsNotFound(err) {
		l.table = nil
		return nil, ErrLost
	}
	if err != nil && ctx.Err() == nil { // a transaction is refused as a whole: go on without the owners for which that is
		err = t.run(ctx, t.sift(ctx, owners, refused))
	}
	if err != nil {
		l.table = nil
	}
	return refused, err
}

// transaction brings owners from the rows that the table has of them to those that they want.
type transaction[Owner comparable] struct {
	*Loader[Owner]
	wanted  map[Owner]Rows
	replace func(*knftables.Transaction)
}

func (t transaction[Owner]) run(ctx context.Context, owners []Owner) error {
	before, err := t.put(owners, func(tx *knftables.Transaction) error {
		if tx.NumOperations() == 0 {
			return nil
		}
		return t.nft.Run(ctx, tx)
	})
	if err != nil {
		t.restore(owners, before)
	}
	return err
}

// sift returns those owners whose rows the kernel takes together, and says what it has against each of the others. Few tries find
// the few that are wrong among many: who is taken in a group needs no try of their own.
func (t transaction[Owner]) sift(ctx context.Context, owners []Owner, refused map[Owner]error) (taken []Owner) {
	groups := [][]Owner{owners}
	for tries := 0; len(groups) > 0; tries++ {
		if tries == maxTries {
			for _, owner := range slices.Concat(groups...) {
				refused[owner] = errors.New("too many beside it have rules that the kernel refuses: it is tried later")
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
			groups = append([][]Owner{group[:half], group[half:]}, groups...)
		case len(group) == 1:
			refused[group[0]] = fmt.Errorf("%w: %w", ErrRefused, err)
		}
	}
	return taken
}

// check asks the kernel about owners, and changes nothing.
func (t transaction[Owner]) check(ctx context.Context, owners []Owner) error {
	before, err := t.put(owners, func(tx *knftables.Transaction) error { return t.nft.Check(ctx, tx) })
	t.restore(owners, before)
	return err
}

// put puts what owners want into the table, hands the transaction for that to do, and returns what the table had of them before.
func (t transaction[Owner]) put(owners []Owner, do func(*knftables.Transaction) error) (before map[Owner]Rows, err error) {
	tx := t.nft.NewTransaction()
	if t.replace != nil {
		t.replace(tx)
	}
	before, changes := map[Owner]Rows{}, NoChanges()
	for _, owner := range owners {
		before[owner] = t.table.Put(owner, t.wanted[owner], changes)
	}
	t.write(tx, changes)
	return before, do(tx)
}

// restore undoes put.
func (t transaction[Owner]) restore(owners []Owner, before map[Owner]Rows) {
	for _, owner := range slices.Backward(owners) {
		t.table.Put(owner, before[owner], NoChanges())
	}
}
