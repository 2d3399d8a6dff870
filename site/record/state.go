package record

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"kubelab/kube/trace"
)

// keptSteps is how many of the steps before its moment a state remembers: some minutes of a busy cluster, so that a
// question "why" reaches behind the first frame.
const keptSteps = 2000

// state is the sum of all frames up to seq.
type state struct {
	seq     int64
	time    time.Time
	cluster string
	objects map[trace.Ref]Object
	facts   map[string]Fact
	steps   []trace.Step
}

func stateOf(s Snapshot) state {
	sum := state{
		seq: s.Seq, time: s.Time, cluster: s.Cluster, steps: slices.Clone(s.Steps),
		objects: map[trace.Ref]Object{}, facts: map[string]Fact{},
	}
	for _, object := range s.Objects {
		sum.objects[object.Ref] = object
	}
	for _, fact := range s.Facts {
		sum.facts[fact.About] = fact
	}
	return sum
}

// apply adds one frame. The contents are shared, never changed.
func (s *state) apply(frame Frame) {
	s.seq, s.time = frame.Seq, frame.Time
	switch {
	case frame.Step != nil:
		s.steps = append(s.steps, *frame.Step)
		if len(s.steps) > 2*keptSteps { // seldom, so that a step costs no copy of all others
			s.steps = slices.Clone(s.steps[len(s.steps)-keptSteps:])
		}
	case frame.Object != nil:
		s.objects[frame.Object.Ref] = *frame.Object
	case frame.Gone != nil:
		delete(s.objects, *frame.Gone)
	case frame.Fact != nil && frame.Fact.none():
		delete(s.facts, frame.Fact.About)
	case frame.Fact != nil:
		s.facts[frame.Fact.About] = *frame.Fact
	}
}

// clone makes a state that can go on by itself.
func (s *state) clone() state {
	copied := *s
	copied.objects, copied.facts = maps.Clone(s.objects), maps.Clone(s.facts)
	copied.steps = slices.Clone(s.steps)
	return copied
}

// snapshot lists the state in a fixed order, so that equal states give equal files.
func (s *state) snapshot() Snapshot {
	return Snapshot{
		Seq: s.seq, Time: s.time, Cluster: s.cluster,
		Objects: slices.SortedFunc(maps.Values(s.objects), func(a, b Object) int {
			return cmp.Or(cmp.Compare(a.Ref.Resource, b.Ref.Resource), cmp.Compare(a.Ref.Namespace, b.Ref.Namespace), cmp.Compare(a.Ref.Name, b.Ref.Name))
		}),
		Facts: slices.SortedFunc(maps.Values(s.facts), func(a, b Fact) int { return cmp.Compare(a.About, b.About) }),
		Steps: slices.Clone(s.steps[max(0, len(s.steps)-keptSteps):]),
	}
}
