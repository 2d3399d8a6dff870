//go:build linux

package kubelet

import (
	"context"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

const (
	// relistInterval is how long an event that got lost can go unnoticed.
	relistInterval = 30 * time.Second
	// pollInterval is the same for a runtime that has no events.
	pollInterval = time.Second
	// headerPatience is how long a runtime is waited for to say that its events are heard. Some say nothing before there is an event.
	headerPatience = time.Second
	// reconnect is the pause before a runtime that went away is called again.
	reconnect = 100 * time.Millisecond
)

// observer keeps what the runtime has (package pods).
type observer interface {
	// Hear takes in an event.
	Hear(ctx context.Context, event *runtimeapi.ContainerEventResponse) error
	// Relist takes in all that the runtime has.
	Relist(ctx context.Context) error
	// Lost says that what the runtime has is not known any more, until the next Relist.
	Lost()
}

// eventStream tells an observer what happens in the runtime. Events tell at once; a list finds what they have missed: when the
// stream begins, and now and then.
type eventStream struct {
	runtime  runtimeapi.RuntimeServiceClient
	observer observer
	down     bool // somebody was told that it does not answer
}

// run listens until ctx is done.
func (e *eventStream) run(ctx context.Context) error {
	for ctx.Err() == nil {
		err := e.follow(ctx)
		if status.Code(err) == codes.Unimplemented {
			slog.Warn("the runtime tells of no events: it is asked all the time what it has", "interval", pollInterval)
			err = e.poll(ctx)
		}
		e.observer.Lost()
		if !e.down && ctx.Err() == nil {
			slog.Warn("what the runtime has is not known: it will be called again", "error", err)
			e.down = true
		}
		pause(ctx, reconnect)
	}
	return nil
}

// follow listens until the stream ends or the runtime cannot be listed.
func (e *eventStream) follow(ctx context.Context) error {
	work, ctx := errgroup.WithContext(ctx)
	stream, err := e.runtime.GetContainerEvents(ctx, &runtimeapi.GetEventsRequest{})
	if err != nil {
		return err
	}
	opened := make(chan struct{})
	work.Go(func() error {
		header, err := stream.Header()
		if err != nil {
			return err
		}
		if header != nil { // else it has ended already, and the first event is its error
			close(opened)
		}
		for {
			event, err := stream.Recv()
			if err != nil {
				return err
			}
			if err := e.observer.Hear(ctx, event); err != nil {
				return err
			}
		}
	})
	work.Go(func() error { return e.relist(ctx, opened) })
	return work.Wait()
}

// relist lists what the runtime has when its events are heard, and now and then.
func (e *eventStream) relist(ctx context.Context, opened <-chan struct{}) error {
	next := time.NewTimer(headerPatience)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-opened:
			opened = nil
		case <-next.C:
		}
		if err := e.list(ctx); err != nil {
			return err
		}
		next.Reset(relistInterval)
	}
}

// poll lists what the runtime has all the time, until that fails.
func (e *eventStream) poll(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := e.list(ctx); err != nil {
			return err
		}
		pause(ctx, pollInterval)
	}
	return ctx.Err()
}

func (e *eventStream) list(ctx context.Context) error {
	err := e.observer.Relist(ctx)
	if err == nil {
		e.down = false
	}
	return err
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
