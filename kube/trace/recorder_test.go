package trace_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"kubelab/kube/trace"
)

func recorder(t *testing.T, path string) *trace.Recorder {
	t.Helper()
	r, err := trace.NewRecorder("kubelet", "node-1", path)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// deliver runs the recorder until n steps have arrived.
func deliver(t *testing.T, r *trace.Recorder, n int) []trace.Step {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var arrived []trace.Step
	r.Run(ctx, func(_ context.Context, steps []trace.Step) error {
		if arrived = append(arrived, steps...); len(arrived) >= n {
			cancel()
		}
		return nil
	})
	return arrived
}

func TestAStepIsSafeFromTheDeathOfItsProcessOnceItIsRecorded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	id := recorder(t, path).Record(t.Context(), trace.Step{Verb: "start"}) // and then the process is killed
	if got := ids(deliver(t, recorder(t, path), 1)); got != string(id) {
		t.Errorf("the next process delivered %q, want %q", got, id)
	}
	if left, err := os.ReadFile(path); err != nil || strings.TrimSpace(string(left)) != "" {
		t.Errorf("after delivery the journal holds %q, %v", left, err)
	}
}

func TestALineThatWasCutOffCostsNoOtherStep(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	if err := os.WriteFile(path, []byte(`{"id":"whole","verb":"a"}`+"\n"+`{"id":"ha`), 0o600); err != nil {
		t.Fatal(err)
	}
	next := recorder(t, path).Record(t.Context(), trace.Step{Verb: "b"})
	if diff := cmp.Diff("whole "+string(next), ids(deliver(t, recorder(t, path), 2))); diff != "" {
		t.Error(diff)
	}
}

func TestStepsWaitWhileTheServerIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := recorder(t, "")
		first := r.Record(t.Context(), trace.Step{Verb: "a"})
		refusals := 0
		ctx, cancel := context.WithCancel(t.Context())
		var arrived []trace.Step
		r.Run(ctx, func(_ context.Context, steps []trace.Step) error {
			if refusals < 5 {
				refusals++
				return errors.New("connection refused")
			}
			arrived = append(arrived, steps...)
			cancel()
			return nil
		})
		if got := ids(arrived); got != string(first) || refusals != 5 {
			t.Errorf("after %d refusals %q arrived, want %q", refusals, got, first)
		}
	})
}

func TestATimerThatComesToNothingLeavesNoStep(t *testing.T) {
	r := recorder(t, "")
	idle := trace.WithRoots(t.Context(), r, []trace.ID{"r1"}, trace.Step{Verb: "wait", Root: trace.Clock})
	busy := trace.WithRoots(t.Context(), r, []trace.ID{"r1"}, trace.Step{Verb: "wait", Root: trace.Clock})
	_ = idle
	causes := trace.Causes(busy)
	if len(causes) != 2 {
		t.Fatalf("got %v, want r1 and the timer", causes)
	}
	if again := trace.Causes(busy); !cmp.Equal(causes, again) {
		t.Errorf("asked again: %v", again)
	}
	if steps := deliver(t, r, 1); len(steps) != 1 || steps[0].Root != trace.Clock {
		t.Errorf("recorded %+v, want the timer that came to something", steps)
	}
}

func TestCausesReasonAndPlanTravelInTheHeadersOfAWrite(t *testing.T) {
	var got trace.Step
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = trace.Fill(trace.FromHeader(context.Background(), r.Header), trace.Step{})
	}))
	defer server.Close()
	client := http.Client{Transport: trace.Transport(http.DefaultTransport)}
	ctx := trace.Because(trace.WithCauses(t.Context(), "r2", "r1", "r2"), "wanted 3, have 2: %s", "größer\nzwei")
	ctx = trace.Decided(ctx, map[string]any{"create": 1, "why": "größer"})
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	want := trace.Step{Causes: []trace.ID{"r1", "r2"}, Detail: "wanted 3, have 2: größer\nzwei",
		Plan: []byte(`{"create":1,"why":"größer"}`)}
	source := got.Source
	got.Source = ""
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !strings.HasPrefix(source, "kube/trace/recorder_test.go:") {
		t.Errorf("source %q", source)
	}
}

func TestAPlanThatIsTooLargeToTravelLeavesTheReasonBehind(t *testing.T) {
	ctx := trace.Decided(trace.Because(t.Context(), "one of many"), strings.Repeat("node ", 2000))
	if step := trace.Fill(ctx, trace.Step{}); step.Plan != nil || step.Detail != "one of many" {
		t.Errorf("got %+v", step)
	}
}
