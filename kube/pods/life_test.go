//go:build linux

package pods

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kubelab/kube/trace"
)

func TestWhoeverSeesThatAJobHasEndedKnowsWhatCameOfIt(t *testing.T) {
	l, j := newLife(time.Time{}), &job{}
	stop := StopSandbox{"s0"}
	l.begin(stop, j)
	var have Current
	early := l.recall(&have)
	if _, busy := have.Busy[stop.Job()]; !busy || early != nil {
		t.Errorf("while the job is under way: busy %v, came of it %v", busy, early)
	}
	l.end(stop, j, time.Time{}, nil, []trace.ID{"node-1.7", "node-1.8"})
	made := l.recall(&have)
	if _, busy := have.Busy[stop.Job()]; busy {
		t.Error("an ended job is under way")
	}
	if diff := cmp.Diff([]trace.ID{"node-1.7", "node-1.8"}, made); diff != "" {
		t.Errorf("what came of it (-want +got):\n%s", diff)
	}
	if again := l.recall(&have); again != nil {
		t.Errorf("told twice: %v", again)
	}
}

func TestOfAContainerThatIsGoneNothingIsRemembered(t *testing.T) {
	l, have := newLife(now), sandboxed(running("web", 2, 1))
	for _, id := range []string{"web-0", "web-1", "web-2"} {
		l.noted[id] = true
	}
	for _, job := range []string{"stop web-1", "stop web-2", "remove web-1", "stop sandbox s0", "remove sandbox s9", "pull web", "create sandbox"} {
		l.failed[job] = Failure{}
	}
	l.prune(have)
	if diff := cmp.Diff(map[string]bool{"web-2": true}, l.noted); diff != "" {
		t.Errorf("exits that are in the causal record: %s", diff)
	}
	if diff := cmp.Diff([]string{"create sandbox", "pull web", "stop sandbox s0", "stop web-2"}, slices.Sorted(maps.Keys(l.failed))); diff != "" {
		t.Errorf("failures: %s", diff)
	}
}
