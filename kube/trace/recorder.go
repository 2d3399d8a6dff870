package trace

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"
)

// Path is where the API server takes batches of steps (POST) and gives them out (GET, with watch=true
// as a stream).
const Path = "/kubelab/steps"

// Send delivers a batch to the API server. Delivering a step twice must do no harm: its ID is its key.
type Send func(ctx context.Context, steps []Step) error

// Recorder takes down the steps that a component does beside the API. A step is in the journal, and so
// safe from kill -9, when Record returns; [Recorder.Run] delivers it.
type Recorder struct {
	component, host string

	mu      sync.Mutex
	journal *journal
	waiting []Step
	last    int64 // the nanosecond in the newest ID, which never goes back
	wake    chan struct{}
}

// NewRecorder opens the journal at path and takes up again what it still holds. An empty path keeps the
// steps in memory only. Whoever made the recorder runs it.
func NewRecorder(component, host, path string) (*Recorder, error) {
	journal, waiting, err := openJournal(path)
	if err != nil {
		return nil, fmt.Errorf("open journal of %s: %w", component, err)
	}
	return &Recorder{component: component, host: host, journal: journal, waiting: waiting, wake: make(chan struct{}, 1)}, nil
}

// Host is where the recorder's component runs.
func (r *Recorder) Host() string { return r.host }

// Record completes the step (ID, time, component, host, and what ctx knows of its causes) and returns
// its ID. A journal that cannot be written costs the step its safety, not the component its work.
func (r *Recorder) Record(ctx context.Context, step Step) ID {
	step = Fill(ctx, step)
	r.mu.Lock()
	defer r.mu.Unlock()
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
	step.ID = ID(fmt.Sprintf("%s.%s.%x", r.component, r.host, r.last))
	if err := r.journal.append(step); err != nil {
		fmt.Fprintf(os.Stderr, "journal of %s: %v\n", r.component, err)
	}
	r.waiting = append(r.waiting, step)
	select {
	case r.wake <- struct{}{}:
	default:
	}
	return step.ID
}

// The pace of delivery: a batch gathers for a moment, and waits longer after each refusal.
const (
	gather   = 20 * time.Millisecond
	retryMin = 100 * time.Millisecond
	retryMax = 5 * time.Second
	maxBatch = 100 // an etcd transaction takes 128 operations
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
		if err := send(ctx, batch); err != nil {
			if !rest(ctx, pause) {
				return
			}
			pause = min(2*pause, retryMax)
			continue
		}
		pause = retryMin
		r.delivered(len(batch))
	}
}

func (r *Recorder) next() []Step {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.waiting[:min(len(r.waiting), maxBatch)]
}

func (r *Recorder) delivered(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting = r.waiting[n:]
	if len(r.waiting) == 0 {
		r.waiting = nil
		r.journal.clear()
	}
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
