package record

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"kubelab/kube/trace"
)

// Order brings together what comes from several processes on several connections. Whoever watches wants a reason before
// what it led to; but a step that a node reports may arrive after the write that it caused, and an object before the
// step that wrote it. So a step waits a moment for its causes, and an object for its step. Never longer: a reason may
// have expired. And each frame gets the time of what it tells, rather than that of its arrival.
type Order struct {
	delay   *delay
	patient time.Duration

	mu      sync.Mutex
	told    map[trace.ID]time.Time // the steps that were handed on, and from when on each counts
	full    int                    // how many these may be before the old ones are forgotten
	waiting []trace.Step           // for a cause, in the order in which they came
	held    map[trace.Ref][]version
	changed map[trace.Ref]time.Time // from when on the newest version of an object counts
}

// version is a version of an object, or its end, that waits for its step.
type version struct {
	revision int64
	frame    Frame
}

// NewOrder writes into history. patient is how long something waits for its reason, at most; wait, how long everything
// waits for what happened before it.
func NewOrder(history *History, patient, wait time.Duration) *Order {
	return &Order{
		delay: &delay{history: history, wait: wait, patience: patient, awaited: map[int64]struct{}{}}, patient: patient,
		told: map[trace.ID]time.Time{}, held: map[trace.Ref][]version{}, changed: map[trace.Ref]time.Time{},
	}
}

// Know takes down steps that the history has from its beginning.
func (o *Order) Know(steps []trace.Step) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, step := range steps {
		o.note(step.ID, step.Time)
	}
}

// expired is when a step has surely been forgotten by the server, which keeps them for an hour.
const expired = 2 * time.Hour

func (o *Order) note(id trace.ID, at time.Time) {
	o.told[id] = at
	if len(o.told) > o.full {
		old := func(at time.Time) bool { return time.Since(at) > expired }
		maps.DeleteFunc(o.told, func(_ trace.ID, at time.Time) bool { return old(at) })
		maps.DeleteFunc(o.changed, func(_ trace.Ref, at time.Time) bool { return old(at) })
		o.full = 2*len(o.told) + 1000
	}
}

// Step takes a step. It returns false for one that came before.
func (o *Order) Step(step trace.Step) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, known := o.told[step.ID]; known || o.waits(step.ID) {
		return false
	}
	o.waiting = append(o.waiting, step)
	o.settle()
	if _, told := o.told[step.ID]; !told {
		o.later(func() {
			for o.waits(step.ID) { // and those that came before have waited longer
				o.tell(0)
			}
			o.settle()
		})
	}
	return true
}

// settle tells the steps that need not wait any more.
func (o *Order) settle() {
	for i := 0; i < len(o.waiting); i++ {
		if o.isFree(i) {
			o.tell(i)
			i = -1 // others may have waited for it
		}
	}
}

// isFree says whether a waiting step has all its causes before it, and the earlier steps on its object. Steps of writes
// come in their order by themselves: only those of nodes, with IDs of their own, may be late.
func (o *Order) isFree(i int) bool {
	step := o.waiting[i]
	for _, cause := range step.Causes {
		_, told := o.told[cause]
		if !told && (strings.Contains(string(cause), ".") || o.waits(cause)) {
			return false
		}
	}
	return step.Revision == 0 || !slices.ContainsFunc(o.waiting[:i], func(other trace.Step) bool {
		return other.Object == step.Object && other.Revision > 0
	})
}

func (o *Order) waits(id trace.ID) bool {
	return slices.ContainsFunc(o.waiting, func(step trace.Step) bool { return step.ID == id })
}

// tell hands on a waiting step, and what it wrote.
func (o *Order) tell(i int) {
	step := o.waiting[i]
	o.waiting = slices.Delete(o.waiting, i, i+1)
	at := step.Time
	for _, cause := range step.Causes {
		at = later(at, o.told[cause])
	}
	if step.Revision > 0 {
		at = o.change(step.Object, at)
		if !slices.ContainsFunc(o.held[step.Object], func(v version) bool { return v.revision == step.Revision }) {
			o.delay.await(step.Revision)
		}
	}
	o.delay.put(at, Frame{Step: &step})
	o.note(step.ID, at)
	o.release(step.Object, step.Revision, at)
}

// change says from when on a version of an object counts: never before the version that was before it.
func (o *Order) change(object trace.Ref, at time.Time) time.Time {
	at = later(at, o.changed[object])
	o.changed[object] = at
	return at
}

// Write takes what a write left: the object, or that it is gone. Versions of one object come in the order of their
// revisions, and go on in it. Revision 0: no step tells of it.
func (o *Order) Write(object trace.Ref, revision int64, frame Frame) {
	o.mu.Lock()
	defer o.mu.Unlock()
	step := trace.Step{}
	step.SetRevision(revision)
	at, told := o.told[step.ID]
	if revision == 0 {
		at = time.Now()
	}
	if (told || revision == 0) && len(o.held[object]) == 0 {
		o.delay.put(o.change(object, at), frame)
		o.delay.came(revision)
		return
	}
	o.held[object] = append(o.held[object], version{revision, frame})
	o.later(func() {
		if !o.waits(step.ID) { // else it goes on with its step
			o.release(object, revision, time.Now())
		}
	})
}

// Now takes what no step tells of: it is so from this moment on.
func (o *Order) Now(frame Frame) { o.delay.put(time.Now(), frame) }

// release lets go the versions up to a revision, which count from a moment on.
func (o *Order) release(object trace.Ref, revision int64, at time.Time) {
	held := o.held[object]
	for len(held) > 0 && held[0].revision <= revision {
		o.delay.put(o.change(object, at), held[0].frame)
		held = held[1:]
	}
	if len(held) == 0 {
		delete(o.held, object)
		return
	}
	o.held[object] = held
}

// later does something when the patience is over.
func (o *Order) later(do func()) {
	time.AfterFunc(o.patient, func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		do()
	})
}
