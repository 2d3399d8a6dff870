//go:build linux

package pods

import (
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
