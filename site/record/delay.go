package record

import (
	"slices"
	"sync"
	"time"
)

// delay holds frames back for a moment, and lets them go in the order of their times: what several processes report of
// one moment arrives some milliseconds apart, and a picture of that moment shall have all of it. What comes too late for
// its place goes on at once, with the time of the frame before it.
type delay struct {
	history *History
	wait    time.Duration

	mu     sync.Mutex
	frames []Frame   // by time
	last   time.Time // of the frame that went last
}

// put takes a frame of a moment.
func (d *delay) put(at time.Time, frame Frame) {
	d.mu.Lock()
	defer d.mu.Unlock()
	frame.Time = later(at, d.last)
	place, _ := slices.BinarySearchFunc(d.frames, frame, func(a, b Frame) int {
		if a.Time.After(b.Time) {
			return 1
		}
		return -1 // of two at once, the one that came first is first
	})
	d.frames = slices.Insert(d.frames, place, frame)
	d.flush()
	if wait := time.Until(frame.Time) + d.wait; wait > 0 {
		time.AfterFunc(wait, func() {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.flush()
		})
	}
}

// flush lets go what is old enough.
func (d *delay) flush() {
	ripe := time.Now().Add(-d.wait)
	n := 0
	for n < len(d.frames) && !d.frames[n].Time.After(ripe) {
		d.last = d.frames[n].Time
		n++
	}
	d.history.Append(d.frames[:n]...)
	d.frames = slices.Delete(d.frames, 0, n)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
