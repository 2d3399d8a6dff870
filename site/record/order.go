package record

import (
	"slices"
	"strings"
	"sync"
	"time"

	"kubelab/kube/trace"
)

// Order brings together what comes from several processes on several connections. Whoever watches wants a reason before
// what it led to; but a step that a node reports may arrive after the write that it caused, and an object before the
// step that wrote it. So a step waits a moment for its causes, and an object for its step. Never longer: a reason may
// have expired.
type Order struct {
	history *History
	patient time.Duration

	mu      sync.Mutex
	told    map[trace.ID]time.Time // the steps that are in the history
	full    int                    // how many these may be before the old ones are forgotten
	waiting []trace.Step           // for a cause, in the order in which they came
	held    map[trace.Ref][]version
}

// version is a version of an object, or its end, that waits for its step.
type version struct {
	revision int64
	frame    Frame
}

// NewOrder writes into history. patient is how long something waits, at most.
func NewOrder(history *History, patient time.Duration) *Order {
	return &Order{history: history, patient: patient, told: map[trace.ID]time.Time{}, held: map[trace.Ref][]version{}}
}

// Know takes down steps that the history has from its beginning.
func (o *Order) Know(steps []trace.Step) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, step := range steps {
		o.note(step)
	}
}

// expired is when a step has surely been forgotten by the server, which keeps them for an hour.
const expired = 2 * time.Hour

func (o *Order) note(step trace.Step) {
	o.told[step.ID] = step.Time
	if len(o.told) > o.full {
		for id, at := range o.told {
			if time.Since(at) > expired {
				delete(o.told, id)
			}
		}
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
	o.history.Append(Frame{Step: &step})
	o.note(step)
	o.release(step.Object, step.Revision)
}

// Write takes what a write left: the object, or that it is gone. Versions of one object come in the order of their
// revisions, and go on in it. Revision 0: no step tells of it.
func (o *Order) Write(object trace.Ref, revision int64, frame Frame) {
	o.mu.Lock()
	defer o.mu.Unlock()
	step := trace.Step{}
	step.SetRevision(revision)
	if _, told := o.told[step.ID]; (told || revision == 0) && len(o.held[object]) == 0 {
		o.history.Append(frame)
		return
	}
	o.held[object] = append(o.held[object], version{revision, frame})
	o.later(func() {
		if !o.waits(step.ID) { // else it goes on with its step
			o.release(object, revision)
		}
	})
}

// release lets go the versions up to a revision.
func (o *Order) release(object trace.Ref, revision int64) {
	held := o.held[object]
	for len(held) > 0 && held[0].revision <= revision {
		o.history.Append(held[0].frame)
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
