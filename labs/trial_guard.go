package labs

import (
	"context"
	"time"
)

// guard watches over what holds while the commands of a step run.
type guard struct {
	cancel context.CancelFunc
	broken chan *Finding
}

// guard begins to watch. Each round looks at everything that holds; the first failure is kept.
func (a *attempt) guard(ctx context.Context, step *Step) *guard {
	ctx, cancel := context.WithCancel(ctx)
	g := &guard{cancel, make(chan *Finding, 1)}
	go func() { g.broken <- a.watchOver(ctx, step.Holds) }()
	return g
}

// watchOver looks until ctx is done or something does not hold.
func (a *attempt) watchOver(ctx context.Context, holds []Hold) *Finding {
	for len(holds) > 0 && ctx.Err() == nil {
		for _, hold := range holds {
			found, err := a.checker.find(ctx, hold.Check)
			if err != nil {
				return nil // the step is over
			}
			if !found.Passed {
				return &found
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(tryEvery):
		}
	}
	return nil
}

// stop ends the watch and tells what did not hold; nil: all did.
func (g *guard) stop() *Finding {
	g.cancel()
	return <-g.broken
}
