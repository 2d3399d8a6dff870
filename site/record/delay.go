package record

import (
	"slices"
	"sync"
	"time"
)

// delay holds frames back for a moment, and lets them go in the order of their times: what several processes report of
// one moment arrives some milliseconds apart, and a picture of that moment shall have all of it. A step that wrote an object
// waits for that object, too, though not longer than the patience. What comes too late for its place goes on at once,
// with the time of the frame before it.
type delay struct {
	history        *History
	wait, patience time.Duration

	mu      sync.Mutex
	frames  []Frame            // by time
	last    time.Time          // of the frame that went last
	awaited map[int64]struct{} // revisions whose objects have not come
}

// await makes a step wait for the object that it wrote.
func (d *delay) await(revision int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.awaited[revision] = struct{}{}
	time.AfterFunc(d.patience, func() { d.came(revision) })
}

// came tells that the object of a revision has come, or that nobody waits for it any more.
func (d *delay) came(revision int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, awaited := d.awaited[revision]; awaited {
		delete(d.awaited, revision)
		d.flush()
	}
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
	for n < len(d.frames) && !d.frames[n].Time.After(ripe) && !d.awaits(d.frames[n]) {
		d.last = d.frames[n].Time
		n++
	}
	d.history.Append(d.frames[:n]...)
	d.frames = slices.Delete(d.frames, 0, n)
}

// awaits says whether a frame is a step whose object has not come.
func (d *delay) awaits(frame Frame) bool {
	if frame.Step == nil {
		return false
	}
	_, awaited := d.awaited[frame.Step.Revision]
	return awaited
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
