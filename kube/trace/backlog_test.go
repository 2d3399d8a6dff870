package trace_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kubelab/kube/trace"
)

// many records n steps of the given size in bytes, more or less.
func many(t *testing.T, r *trace.Recorder, n, size int) {
	t.Helper()
	for range n {
		r.Record(t.Context(), trace.Step{Verb: "work", Detail: strings.Repeat("x", size)})
	}
}

// countLost adds up what the steps that tell of a loss say.
func countLost(t *testing.T, steps []trace.Step) (lost, kept int) {
	t.Helper()
	for _, step := range steps {
		if step.Verb != trace.LossVerb {
			kept++
			continue
		}
		var n int
		if _, err := fmt.Sscanf(step.Detail, "%d lost", &n); err != nil || step.Root != trace.Event || step.ID == "" {
			t.Errorf("a loss is told of with %+v", step)
		}
		lost += n
	}
	return lost, kept
}

func TestWhatWaitsForTheServerIsBoundedAndTheStepsThatAreLostAreCounted(t *testing.T) {
	for name, c := range map[string]struct{ n, size int }{"many": {30_000, 1}, "large": {9_000, 10_000}} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "journal")
			r := recorder(t, path)
			many(t, r, c.n, c.size)
			journal, err := os.Stat(path)
			if err != nil || journal.Size() > 20<<20 {
				t.Errorf("the journal has %d bytes, %v", journal.Size(), err)
			}
			r = recorder(t, path) // the process dies, and another takes over
			newest := r.Record(t.Context(), trace.Step{Verb: "work"})
			steps := drain(t, r, c.n+1)
			lost, kept := countLost(t, steps)
			if lost+kept != c.n+1 || kept > 10_000 || kept < 500 {
				t.Errorf("%d lost and %d kept of %d", lost, kept, c.n+1)
			}
			if steps[0].Verb != trace.LossVerb || steps[len(steps)-1].ID != newest {
				t.Errorf("it begins with %+v and ends with %s, want the loss and then the newest", steps[0], steps[len(steps)-1].ID)
			}
		})
	}
}

// drain delivers until n steps have arrived or are told to be lost.
func drain(t *testing.T, r *trace.Recorder, n int) []trace.Step {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var arrived []trace.Step
	r.Run(ctx, func(_ context.Context, steps []trace.Step) error {
		arrived = append(arrived, steps...)
		if lost, kept := countLost(t, arrived); lost+kept >= n {
			cancel()
		}
		return nil
	})
	return arrived
}

func TestStepsAreNotLostWhileTheyAreUnderWay(t *testing.T) {
	r := recorder(t, "")
	many(t, r, 50, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	arrived := map[trace.ID]int{}
	var all []trace.Step
	r.Run(ctx, func(_ context.Context, steps []trace.Step) error {
		if len(all) == 0 { // while the first batch is under way, more comes than may wait
			many(t, r, 12_000, 1)
		}
		for _, step := range steps {
			arrived[step.ID]++
		}
		all = append(all, steps...)
		if lost, kept := countLost(t, all); lost+kept == 12_050 {
			cancel()
		}
		return nil
	})
	for id, times := range arrived {
		if times != 1 {
			t.Errorf("%s arrived %d times", id, times)
		}
	}
	if lost, kept := countLost(t, all); lost+kept != 12_050 || all[0].Verb != "work" {
		t.Errorf("%d lost and %d kept, want 12050 together", lost, kept)
	}
}

func TestAStepThatIsRefusedIsGivenUpAndToldOfAndCostsNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := recorder(t, "")
		many(t, r, 60, 1)
		bad := r.Record(t.Context(), trace.Step{Verb: "bad", Object: trace.Ref{Resource: "pods", Name: "a"}})
		many(t, r, 60, 1)
		ctx, cancel := context.WithCancel(t.Context())
		var arrived []trace.Step
		sent := 0
		go r.Run(ctx, func(_ context.Context, steps []trace.Step) error {
			sent++
			for _, step := range steps {
				if step.ID == bad {
					return fmt.Errorf("%w: detail: Invalid value", trace.ErrRefused)
				}
			}
			arrived = append(arrived, steps...)
			return nil
		})
		synctest.Wait()
		cancel()
		lost, kept := countLost(t, arrived)
		if lost != 1 || kept != 120 || sent > 30 {
			t.Fatalf("%d lost and %d kept after %d attempts, want 1 and 120", lost, kept, sent)
		}
		if told := arrived[len(arrived)-1]; told.Object.Name != "a" || !strings.Contains(told.Detail, "detail: Invalid value") {
			t.Errorf("it is told as %+v", told)
		}
	})
}

func TestAServerThatRefusesEverythingIsNotAskedForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := recorder(t, "")
		many(t, r, 10, 1)
		ctx, cancel := context.WithCancel(t.Context())
		sent := 0
		go r.Run(ctx, func(context.Context, []trace.Step) error {
			sent++
			return trace.ErrRefused
		})
		time.Sleep(time.Hour)
		synctest.Wait()
		cancel()
		if sent > 50 {
			t.Errorf("it was asked %d times about ten steps", sent)
		}
	})
}

func TestALineThatIsNoStepHoweverLongKeepsNoRecorderFromStarting(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	if err := os.WriteFile(path, []byte(strings.Repeat("x", 3<<20)+"\n"), 0o600); err != nil { // a line of no step
		t.Fatal(err)
	}
	id := recorder(t, path).Record(t.Context(), trace.Step{Verb: "work"})
	if got := ids(drain(t, recorder(t, path), 1)); got != string(id) {
		t.Errorf("got %q, want %q", got, id)
	}
}

var errAway = errors.New("connection refused")

func TestStepsOfALongAbsenceArriveInOrderWhenTheServerIsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := recorder(t, "")
		back := time.Now().Add(10 * time.Minute)
		ctx, cancel := context.WithCancel(t.Context())
		var arrived []trace.Step
		go r.Run(ctx, func(_ context.Context, steps []trace.Step) error {
			if time.Now().Before(back) {
				return errAway
			}
			arrived = append(arrived, steps...)
			return nil
		})
		var want []trace.ID
		for range 600 {
			want = append(want, r.Record(t.Context(), trace.Step{Verb: "work"}))
			time.Sleep(time.Second)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		cancel()
		if len(arrived) != len(want) {
			t.Fatalf("%d arrived, want %d", len(arrived), len(want))
		}
		for i := range want {
			if arrived[i].ID != want[i] {
				t.Fatalf("step %d is %s, want %s", i, arrived[i].ID, want[i])
			}
		}
	})
}
