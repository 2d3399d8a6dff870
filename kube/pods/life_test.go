//go:build linux

package pods

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kubelab/kube/pods/cri"
	"kubelab/kube/pods/observed"
	"kubelab/kube/trace"
)

func TestWhoeverSeesThatAJobHasEndedKnowsWhatCameOfIt(t *testing.T) {
	l, stop := newLife(time.Time{}), StopSandbox{"s0"}
	j := &job{action: stop}
	busy := func() bool {
		_, busy := l.current(cri.Node{}, observed.Records{}).Busy[stop.Job()]
		return busy
	}
	l.begin(j)
	if early := l.takeIn(l.outcomes()); !busy() || early != nil {
		t.Errorf("while the job is under way: busy %v, came of it %v", busy(), early)
	}
	before := l.outcomes()
	l.end(outcome{job: j, causes: []trace.ID{"node-1.7", "node-1.8"}})
	if early := l.takeIn(before); !busy() || early != nil {
		t.Errorf("who looked before it ended: busy %v, came of it %v", busy(), early)
	}
	made := l.takeIn(l.outcomes())
	if busy() {
		t.Error("an ended job is under way")
	}
	if diff := cmp.Diff([]trace.ID{"node-1.7", "node-1.8"}, made); diff != "" {
		t.Errorf("what came of it (-want +got):\n%s", diff)
	}
	if again := l.takeIn(l.outcomes()); again != nil {
		t.Errorf("told twice: %v", again)
	}
}

func TestAJobThatHasEndedIsNoReasonToWaitForItsEnd(t *testing.T) {
	l, j := newLife(time.Time{}), &job{action: StopSandbox{"s0"}}
	if l.begin(j); !l.works() {
		t.Error("a job has begun, and none is under way")
	}
	if l.end(outcome{job: j}); l.works() {
		t.Error("the turn that takes in how it ended may have begun already, and what is told now would wait for it")
	}
}

func TestAnImageCountsWhenItsPullHasToldHowItCame(t *testing.T) {
	l, j := newLife(time.Time{}), &job{action: PullImage{Container: "web"}}
	l.begin(j)
	l.end(outcome{job: j, image: Image{Ref: "sha256:web", Causes: []trace.ID{"node-1.7"}}})
	if image, pulled := l.current(cri.Node{}, observed.Records{}).Images["web"]; pulled {
		t.Errorf("nobody has taken in its causes, and there is %v", image)
	}
	l.takeIn(l.outcomes())
	if image := l.current(cri.Node{}, observed.Records{}).Images["web"]; len(image.Causes) != 1 {
		t.Errorf("the image is %v", image)
	}
}

func TestOfAContainerThatIsGoneNothingIsRemembered(t *testing.T) {
	l, have := newLife(now), sandboxed(running("web", 2, 1))
	for _, job := range []string{"stop web-1", "stop web-2", "remove web-1", "stop sandbox s0", "remove sandbox s9", "pull web", "create sandbox"} {
		l.failed[job] = Failure{}
	}
	l.prune(have)
	if diff := cmp.Diff([]string{"create sandbox", "pull web", "stop sandbox s0", "stop web-2"}, slices.Sorted(maps.Keys(l.failed))); diff != "" {
		t.Errorf("failures: %s", diff)
	}
}
