package record

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"kubelab/kube/trace"
)

// Limits bound what a [History] keeps. The oldest frames go as soon as either is passed.
type Limits struct {
	Frames int
	Bytes  int // of their contents, about
}

// LiveLimits hold some quarter of an hour of a busy cluster; Unlimited is for a recording, which the reader has bounded.
var (
	LiveLimits = Limits{Frames: 20_000, Bytes: 64 << 20}
	Unlimited  = Limits{}
)

// ErrForgotten says that the frames asked for are no longer kept. Take a [History.Snapshot], and go on after it.
var ErrForgotten = errors.New("the history no longer has these frames")

// History numbers frames and keeps the newest ones, over the state before the first of them. Its methods may be called
// from any goroutine. What it gives out is shared: nobody may change it.
type History struct {
	limits Limits

	mu     sync.Mutex
	base   state // before the first of frames
	now    state // after the last of frames
	frames []Frame
	bytes  int
	grown  chan struct{} // closed when there is something new
}

// NewHistory makes an empty history.
func NewHistory(limits Limits) *History {
	empty := stateOf(Snapshot{})
	return &History{limits: limits, base: empty, now: empty.clone(), grown: make(chan struct{})}
}

// Begin starts anew from a state that is known as a whole; where it says nothing about facts, those that hold stay.
// Readers of earlier frames get [ErrForgotten]: the state has a number after all of theirs.
func (h *History) Begin(from Snapshot) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.now.seq > 0 {
		from.Seq = max(from.Seq, h.now.seq+1)
	}
	if from.Facts == nil {
		from.Facts = h.now.snapshot().Facts
	}
	h.base, h.frames, h.bytes = stateOf(from), nil, 0
	h.now = h.base.clone()
	h.wake()
}

// Append takes the frames' contents, and numbers them in this order. A frame without a time gets the current one.
func (h *History) Append(frames ...Frame) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, frame := range frames {
		frame.Seq = h.now.seq + 1
		if frame.Time.IsZero() {
			frame.Time = time.Now()
		}
		h.frames = append(h.frames, frame)
		h.bytes += frame.size()
		h.now.apply(frame)
	}
	h.forget()
	h.wake()
}

// forget moves the base forward until the limits hold.
func (h *History) forget() {
	over := func() bool {
		return h.limits.Frames > 0 && len(h.frames) > h.limits.Frames || h.limits.Bytes > 0 && h.bytes > h.limits.Bytes && len(h.frames) > 1
	}
	for over() {
		h.base.apply(h.frames[0])
		h.bytes -= h.frames[0].size()
		h.frames[0] = Frame{} // its contents are nobody's now
		h.frames = h.frames[1:]
	}
}

func (h *History) wake() {
	close(h.grown)
	h.grown = make(chan struct{})
}

// Next waits until there are frames after the one with the number seq, and returns all of them, oldest first. With
// [ErrForgotten] the reader was too slow; any other error is that of ctx.
func (h *History) Next(ctx context.Context, seq int64) ([]Frame, error) {
	for {
		frames, grown, err := h.after(seq)
		if err != nil || len(frames) > 0 {
			return frames, err
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-grown:
		}
	}
}

// after returns a view of the frames after seq. Frames are only ever added behind it, or cut off before it; what is cut
// off is emptied, so the view is copied.
func (h *History) after(seq int64) ([]Frame, <-chan struct{}, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if seq < h.base.seq || seq > h.now.seq {
		return nil, nil, fmt.Errorf("frames after %d: %w", seq, ErrForgotten)
	}
	return slices.Clone(h.frames[seq-h.base.seq:]), h.grown, nil
}

// Snapshot is the state now.
func (h *History) Snapshot() Snapshot {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now.snapshot()
}

// Recent is the state before the newest frames, so many of them at most: with these a newcomer sees what happened just now.
func (h *History) Recent(frames int64) Snapshot {
	h.mu.Lock()
	defer h.mu.Unlock()
	past := h.base.clone()
	for _, frame := range h.frames[:max(0, int64(len(h.frames))-frames)] {
		past.apply(frame)
	}
	return past.snapshot()
}

// At is the state right after the frame with the number seq.
func (h *History) At(seq int64) (Snapshot, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if seq < h.base.seq || seq > h.now.seq {
		return Snapshot{}, fmt.Errorf("the state at frame %d: %w (it has %d to %d)", seq, ErrForgotten, h.base.seq, h.now.seq)
	}
	past := h.base.clone()
	for _, frame := range h.frames[:seq-h.base.seq] {
		past.apply(frame)
	}
	return past.snapshot(), nil
}

// Start is the earliest state that is kept: what a recording begins with.
func (h *History) Start() Snapshot {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.base.snapshot()
}

// Steps are all steps that are known up to the frame with the number seq, for [trace.Chain]; with seq 0 up to now.
func (h *History) Steps(seq int64) []trace.Step {
	h.mu.Lock()
	defer h.mu.Unlock()
	steps := slices.Clone(h.base.steps)
	for _, frame := range h.frames {
		if frame.Step != nil && (seq == 0 || frame.Seq <= seq) {
			steps = append(steps, *frame.Step)
		}
	}
	return steps
}
