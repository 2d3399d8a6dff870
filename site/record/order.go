package record

import (
	"sync"
	"time"

	"kubelab/kube/trace"
)

// Order brings two streams together. A write comes as an object and as the step that says why, from two connections,
// and either may be the first. Whoever watches wants the reason first: so an object waits a moment for its step.
type Order struct {
	history *History
	patient time.Duration // how long an object waits, at most

	mu      sync.Mutex
	reached int64                   // the newest revision whose step is here: steps of writes come in the order of revisions
	held    map[trace.Ref][]version // an object's versions that wait, oldest first
}

// version is a version of an object, or its end.
type version struct {
	revision int64
	frame    Frame
}

// NewOrder writes into history.
func NewOrder(history *History, patient time.Duration) *Order {
	return &Order{history: history, patient: patient, held: map[trace.Ref][]version{}}
}

// Step takes a step, and lets go what has waited for it.
func (o *Order) Step(step trace.Step) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.history.Append(Frame{Step: &step})
	o.reached = max(o.reached, step.Revision)
	o.release(step.Object, o.reached)
}

// Write takes what a write left: the object, or that it is gone. Versions of one object come in the order of their
// revisions, and go on in it.
func (o *Order) Write(object trace.Ref, revision int64, frame Frame) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if revision <= o.reached && len(o.held[object]) == 0 {
		o.history.Append(frame)
		return
	}
	o.held[object] = append(o.held[object], version{revision, frame})
	time.AfterFunc(o.patient, func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.release(object, revision)
	})
}

// release lets go the versions up to a revision.
func (o *Order) release(object trace.Ref, revision int64) {
	waiting := o.held[object]
	for len(waiting) > 0 && waiting[0].revision <= revision {
		o.history.Append(waiting[0].frame)
		waiting = waiting[1:]
	}
	if len(waiting) == 0 {
		delete(o.held, object)
		return
	}
	o.held[object] = waiting
}
