package pods

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"kubelab/kube/operator"
)

// stream brings a kubelet the events of what changes in a runtime. A broken one skips some, repeats some, swaps some, and breaks off; then, and now
// and then, the runtime is listed.
type stream struct {
	*rand.Rand
	broken   bool
	observed *Observed
	before   Records // when it was looked for events last
	wire     []occurrence
	asked    uint64 // when a list was asked for that is still on its way
	answer   Records
}

// occurrence is an event: what there is in a sandbox now, or that something has gone.
type occurrence struct {
	tells Records
	gone  string
}

var webPod = podID{operator.Key{Namespace: "shop", Name: "web-1"}, "u1"}

func (s *stream) seen() Records {
	records, _ := s.observed.of(webPod.Key)
	return records[webPod.uid]
}

// list is answered at once.
func (s *stream) list(has Records) {
	s.observed.answered(s.observed.ask(), map[podID]Records{webPod: has}, nil)
}

// flow brings the kubelet what has changed.
func (s *stream) flow(has Records) {
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
			s.observed.gone(next.gone)
		} else {
			s.observed.event(webPod, next.tells)
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
		s.list(has)
	case 1:
		s.asked, s.answer = s.observed.ask(), has
	case 2, 3, 4:
		if s.asked > 0 {
			s.observed.answered(s.asked, map[podID]Records{webPod: s.answer}, nil)
			s.asked = 0
		}
	}
}

// occurred puts on the wire what is otherwise than before.
func (s *stream) occurred(has Records) {
	there := slices.Collect(has.ids())
	for id := range s.before.ids() {
		if !slices.Contains(there, id) {
			s.wire = append(s.wire, occurrence{gone: id})
		}
	}
	for _, sandbox := range has.Sandboxes {
		in := func(r Records) Records {
			return Records{
				slices.DeleteFunc(slices.Clone(r.Sandboxes), func(s Sandbox) bool { return s.ID != sandbox.ID }),
				slices.DeleteFunc(slices.Clone(r.Containers), func(c Container) bool { return c.Sandbox != sandbox.ID }),
			}
		}
		if now := in(has); !cmp.Equal(now, in(s.before), cmpopts.EquateEmpty()) {
			s.wire = append(s.wire, occurrence{tells: now})
		}
	}
	s.before = has
}

// observedWith is what is known after a list.
func observedWith(has Records) *stream {
	s := &stream{observed: newObserved()}
	s.list(has)
	return s
}

func TestWhatIsToldLateOrTwiceIsNoNews(t *testing.T) {
	s := observedWith(Records{[]Sandbox{{ID: "s0"}}, []Container{exited("web", 0, 0, 1, 0)}})
	if s.observed.event(webPod, Records{[]Sandbox{{ID: "s0", Ready: true}}, []Container{running("web", 0, 0)}}) != nothingNew {
		t.Error("that a container ran which has ended is news")
	}
	check(t, "the container", string(s.seen().Containers[0].State), "exited")
	if s.seen().Sandboxes[0].Ready {
		t.Error("a late event has made a lost sandbox ready")
	}
}

func TestWhatHasGoneNeverComesBack(t *testing.T) {
	has := Records{[]Sandbox{{ID: "s0", Ready: true}}, []Container{running("web", 0, 0)}}
	s := observedWith(has)
	asked := s.observed.ask()
	s.observed.gone("s0")
	s.observed.event(webPod, has)
	s.observed.answered(asked, map[podID]Records{webPod: has}, nil)
	if left := slices.Collect(s.seen().ids()); len(left) > 0 {
		t.Errorf("it has removed itself, and there is %v", left)
	}
}

func TestAListRemovesOnlyWhatWasNotToldOfSinceItWasAskedFor(t *testing.T) {
	s := observedWith(Records{Containers: []Container{running("old", 0, 0)}})
	asked := s.observed.ask()
	s.observed.event(webPod, Records{Containers: []Container{running("new", 0, 0)}})
	s.observed.answered(asked, nil, nil)
	if diff := cmp.Diff([]string{"new-0"}, slices.Collect(s.seen().ids())); diff != "" {
		t.Errorf("there is (-want +got):\n%s", diff)
	}
}

func TestASandboxThatARuntimeReachesAgainIsReadyWhenAListSaysSo(t *testing.T) {
	up, down := Records{Sandboxes: []Sandbox{{ID: "s0", Ready: true}}}, Records{Sandboxes: []Sandbox{{ID: "s0"}}}
	s := observedWith(down)
	asked := s.observed.ask()
	s.observed.event(webPod, down)
	s.observed.answered(asked, map[podID]Records{webPod: up}, nil)
	if s.seen().Sandboxes[0].Ready {
		t.Error("a list that was asked for before it was lost has made it ready")
	}
	s.list(up)
	if !s.seen().Sandboxes[0].Ready {
		t.Error("it is not ready, and the newest list says it is")
	}
}

func TestOfWhatIsGoneNothingIsKept(t *testing.T) {
	s := observedWith(Records{[]Sandbox{{ID: "s0", Ready: true}}, []Container{running("web", 0, 0)}})
	s.observed.gone("s0")
	s.observed.gone("somebody else's")
	s.list(Records{})
	s.list(Records{})
	if o := s.observed; len(o.pods)+len(o.told)+len(o.removed) > 0 {
		t.Errorf("kept: %v, %v, %v", o.pods, o.told, o.removed)
	}
}

func TestASandboxIsMadeWhenItIsToldOfAsReady(t *testing.T) {
	made := Records{Sandboxes: []Sandbox{{ID: "s0"}}}
	if made.shows(CreateSandbox{}, false) {
		t.Error("its creation is over and it is told of as not ready yet: the runtime is not asked again")
	}
	if made.Sandboxes[0].Ready = true; !made.shows(CreateSandbox{}, false) {
		t.Error("it is told of as ready, and the runtime is asked again")
	}
}

func TestWhatWentWithoutAnEndIsNewsOfAnEnd(t *testing.T) {
	for _, test := range []struct {
		has  Records
		want novelty
	}{
		{Records{[]Sandbox{{ID: "s0"}}, []Container{exited("web", 0, 0, 1, 0)}}, newWork},
		{Records{[]Sandbox{{ID: "s0", Ready: true}}, nil}, newEnd},
		{Records{[]Sandbox{{ID: "s0"}}, []Container{running("web", 0, 0)}}, newEnd},
	} {
		if _, got := observedWith(test.has).observed.gone("s0"); got != test.want {
			t.Errorf("that a sandbox goes of %v is news %d, want %d", test.has, got, test.want)
		}
		o := observedWith(test.has).observed
		if got := o.answered(o.ask(), nil, nil)[webPod.Key]; got != test.want {
			t.Errorf("that a list lacks %v is news %d, want %d", test.has, got, test.want)
		}
	}
}
