package podstest

import (
	"math/rand/v2"
	"slices"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"kubelab/kube/operator"
	"kubelab/kube/pods/observed"
)

// Stream brings a kubelet the events of what changes in a runtime. A broken one skips some, repeats some, swaps some, and breaks off; then, and now
// and then, the runtime is listed.
type Stream struct {
	*rand.Rand
	broken bool
	known  *observed.Pods
	before observed.Records // when it was looked for events last
	wire   []occurrence
	asked  uint64 // when a list was asked for that is still on its way
	answer observed.Records
}

// occurrence is an event: what there is in a sandbox now, or that something has gone.
type occurrence struct {
	tells observed.Records
	gone  string
}

// Pod is whose records these are.
var Pod = observed.Pod{Key: operator.Key{Namespace: "shop", Name: "web-1"}, UID: "u1"}

// Seen is what is known of the pod.
func (s *Stream) Seen() observed.Records {
	records, _ := s.known.Of(Pod.Key)
	return records[Pod.UID]
}

// List is answered at once.
func (s *Stream) List(has observed.Records) {
	s.known.Answered(s.known.Ask(), map[observed.Pod]observed.Records{Pod: has}, nil, nil)
}

// Flow brings the kubelet what has changed.
func (s *Stream) Flow(has observed.Records) {
	s.occurred(has)
	for len(s.wire) > 0 {
		i, again := 0, false
		if s.broken {
			if s.IntN(3) == 0 {
				break // the rest is late
			}
			i, again = s.IntN(min(len(s.wire), 3)), s.IntN(5) == 0
		}
		if next := s.wire[i]; s.broken && s.IntN(6) == 0 {
			again = false // it is skipped
		} else if next.gone != "" {
			s.known.Gone(next.gone)
		} else {
			s.known.Event(Pod, next.tells)
		}
		if !again {
			s.wire = slices.Delete(s.wire, i, i+1)
		}
	}
	if !s.broken {
		return
	}
	switch s.IntN(20) {
	case 0:
		s.wire = nil
		s.List(has)
	case 1:
		s.asked, s.answer = s.known.Ask(), has
	case 2, 3, 4:
		if s.asked > 0 {
			s.known.Answered(s.asked, map[observed.Pod]observed.Records{Pod: s.answer}, nil, nil)
			s.asked = 0
		}
	}
}

// occurred puts on the wire what is otherwise than before.
func (s *Stream) occurred(has observed.Records) {
	there := slices.Collect(has.IDs())
	for id := range s.before.IDs() {
		if !slices.Contains(there, id) {
			s.wire = append(s.wire, occurrence{gone: id})
		}
	}
	for _, sandbox := range has.Sandboxes {
		in := func(r observed.Records) observed.Records {
			return observed.Records{
				Sandboxes:  slices.DeleteFunc(slices.Clone(r.Sandboxes), func(s observed.Sandbox) bool { return s.ID != sandbox.ID }),
				Containers: slices.DeleteFunc(slices.Clone(r.Containers), func(c observed.Container) bool { return c.Sandbox != sandbox.ID }),
			}
		}
		if now := in(has); !cmp.Equal(now, in(s.before), cmpopts.EquateEmpty()) {
			s.wire = append(s.wire, occurrence{tells: now})
		}
	}
	s.before = has
}

// NewStream is a stream of a kubelet that knows what a list has told it. Chance decides what happens to a broken one.
func NewStream(chance *rand.Rand, broken bool, has observed.Records) *Stream {
	s := &Stream{Rand: chance, broken: broken, known: observed.New(nil, nil)}
	s.List(has)
	return s
}
