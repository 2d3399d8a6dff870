package trace

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// Path is where the API server takes batches of steps (POST) and gives them out (GET, with watch=true
// as a stream).
const Path = "/kubelab/steps"

// ErrRefused is what a [Send] returns, wrapped, when the API server will never take the batch as it is.
var ErrRefused = errors.New("the API server refuses this")

// Send delivers a batch to the API server. Delivering a step twice must do no harm: its ID is its key. After [ErrRefused] the
// batch is not sent again; after any other error it is.
type Send func(ctx context.Context, steps []Step) error

// Recorder takes down the steps that a component does beside the API. A step is in the journal, and so
// safe from kill -9, when Record returns; [Recorder.Run] delivers it. What waits is bounded: where steps are lost, a step
// with [LossVerb] tells how many.
type Recorder struct {
	component, host string

	mu      sync.Mutex
	journal *journal
	backlog backlog
	last    int64 // the nanosecond in the newest ID, which never goes back
	wake    chan struct{}
}

// NewRecorder opens the journal at path and takes up again what it still holds. An empty path keeps the
// steps in memory only. Whoever made the recorder runs it.
func NewRecorder(component, host, path string) (*Recorder, error) {
	journal, left, err := openJournal(path)
	if err != nil {
		return nil, fmt.Errorf("open journal of %s: %w", component, err)
	}
	r := &Recorder{component: component, host: host, journal: journal, wake: make(chan struct{}, 1)}
	for _, step := range left {
		line, err := json.Marshal(step)
		if err != nil {
			return nil, fmt.Errorf("journal of %s: %w", component, err)
		}
		r.backlog.add(step, len(line))
	}
	return r, nil
}

// Host is where the recorder's component runs.
func (r *Recorder) Host() string { return r.host }

// Prefix is how the IDs begin that a component on a host gives to its steps: no other has the right to them.
func Prefix(component, host string) string { return component + "." + host + "." }

// Record completes the step (ID, time, component, host, and what ctx knows of its causes) and returns
// its ID. A journal that cannot be written costs the step its safety, not the component its work.
func (r *Recorder) Record(ctx context.Context, step Step) ID {
	step = Fill(ctx, step)
	r.mu.Lock()
	defer r.mu.Unlock()
	line := r.complete(&step)
	r.complain(r.journal.append(line))
	r.backlog.add(step, len(line))
	r.bound()
	select {
	case r.wake <- struct{}{}:
	default:
	}
	return step.ID
}

// complete gives the step what each has, and returns it as JSON.
func (r *Recorder) complete(step *Step) []byte {
	now := time.Now()
	if step.Time.IsZero() {
		step.Time = now
	}
	if step.Component == "" {
		step.Component = r.component
	}
	if step.Host == "" {
		step.Host = r.host
	}
	r.last = max(r.last+1, now.UnixNano())
	step.ID = ID(fmt.Sprintf("%s%x", Prefix(r.component, r.host), r.last))
	*step = Bounded(*step)
	line, err := json.Marshal(step)
	if err != nil { // the plan is the only part that may not be JSON
		step.Plan = nil
		line, err = json.Marshal(step)
		r.complain(err)
	}
	return line
}

// bound keeps the backlog and the journal from growing for as long as nobody takes the steps.
func (r *Recorder) bound() {
	lost := r.backlog.overflow()
	if len(lost) > 0 {
		step := loss(lost, fmt.Sprintf("more waited for the API server than %d steps or %d MB", maxWaiting, maxWaitingBytes>>20))
		step.Object = Ref{Resource: "nodes", Name: r.host}
		r.backlog.insert(step, len(r.complete(&step)))
		slog.Warn("steps of the causal record are lost", "component", r.component, "steps", step.Detail)
	}
	if len(lost) > 0 || r.journal.size > 2*maxWaitingBytes {
		r.complain(r.journal.rewrite(r.backlog.waiting))
	}
}

func (r *Recorder) complain(err error) {
	if err != nil {
		slog.Error("the journal of steps", "component", r.component, "error", err)
	}
}

// The pace of delivery: a batch gathers for a moment, and waits longer after each failure.
const (
	gather   = 20 * time.Millisecond
	retryMin = 100 * time.Millisecond
	retryMax = 5 * time.Second
)

// Run delivers steps until ctx is done.
func (r *Recorder) Run(ctx context.Context, send Send) {
	pause := retryMin
	for {
		batch := r.next()
		if len(batch) == 0 {
			select {
			case <-ctx.Done():
				return
			case <-r.wake:
				rest(ctx, gather)
			}
			continue
		}
		if err := r.deliver(ctx, send, batch); err != nil {
			if !rest(ctx, pause) {
				return
			}
			pause = min(2*pause, retryMax)
			continue
		}
		pause = retryMin
	}
}

func (r *Recorder) next() []Step {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.backlog.batch()
}

// deliver sends the first steps of the backlog. Of a batch that is refused it sends each half: one bad step shall not cost the
// others. An error means that what is left must be sent again.
func (r *Recorder) deliver(ctx context.Context, send Send, batch []Step) error {
	err := send(ctx, batch)
	switch {
	case err == nil:
		r.delivered(len(batch))
		return nil
	case !errors.Is(err, ErrRefused):
		return err
	case len(batch) == 1:
		r.refused(batch[0], err)
		return nil
	}
	half := len(batch) / 2
	if err := r.deliver(ctx, send, batch[:half]); err != nil {
		return err
	}
	return r.deliver(ctx, send, batch[half:])
}

func (r *Recorder) delivered(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.backlog.settled(n)
	if len(r.backlog.waiting) == 0 {
		r.backlog = backlog{}
		r.journal.clear()
	}
}

// refused gives up a step, and tells so in its place. When that is refused as well, only the log tells.
func (r *Recorder) refused(step Step, why error) {
	slog.Warn("a step of the causal record is refused", "component", r.component, "step", step.ID, "verb", step.Verb, "error", why)
	if step.Verb != LossVerb {
		told := loss([]Step{step}, why.Error())
		told.Object = step.Object
		r.Record(context.Background(), told)
	}
	r.delivered(1)
}

// rest waits, and says whether ctx is still alive.
func rest(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
