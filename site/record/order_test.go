package record_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"kubelab/kube/trace"
	"kubelab/site/record"
)

const patient = 50 * time.Millisecond

// arrived tells what a history has, in its order.
func arrived(t *testing.T, history *record.History) []string {
	t.Helper()
	synctest.Wait()
	if history.Snapshot().Seq == 0 {
		return nil
	}
	frames, err := history.Next(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for _, frame := range frames {
		switch {
		case frame.Step != nil:
			words = append(words, "step "+string(frame.Step.ID))
		case frame.Gone != nil:
			words = append(words, frame.Gone.Name+" gone")
		default:
			words = append(words, fmt.Sprintf("%s r%d", frame.Object.Ref.Name, frame.Object.Revision))
		}
	}
	return words
}

func TestTheReasonComesBeforeTheObjectWhicheverWasFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		history := record.NewHistory(record.LiveLimits)
		order := record.NewOrder(history, patient, 0)
		order.Write(pod("web"), 4, object("web", 4))
		if early := arrived(t, history); early != nil {
			t.Errorf("without its step came %v", early)
		}
		order.Step(*step(4).Step)
		order.Step(*step(5).Step)
		order.Write(pod("web"), 5, gone("web"))
		if diff := cmp.Diff([]string{"step r4", "web r4", "step r5", "web gone"}, arrived(t, history)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestVersionsOfOneObjectKeepTheirOrderThoughAStepIsMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		history := record.NewHistory(record.LiveLimits)
		order := record.NewOrder(history, patient, 0)
		order.Write(pod("web"), 4, object("web", 4))
		time.Sleep(patient / 2)
		order.Write(pod("web"), 5, object("web", 5))
		order.Write(pod("web"), 6, gone("web"))
		order.Step(*step(5).Step) // that of 4 never comes
		if diff := cmp.Diff([]string{"step r5", "web r4", "web r5"}, arrived(t, history)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestAnObjectWhoseStepNeverComesWaitsNotLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		history := record.NewHistory(record.LiveLimits)
		order := record.NewOrder(history, patient, 0)
		order.Write(pod("web"), 4, object("web", 4))
		time.Sleep(patient / 2)
		order.Write(pod("web"), 5, object("web", 5))
		time.Sleep(patient / 2)
		if diff := cmp.Diff([]string{"web r4"}, arrived(t, history)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		time.Sleep(patient / 2)
		if diff := cmp.Diff([]string{"web r4", "web r5"}, arrived(t, history)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// on is a step on an object of its own, with a node's ID or a write's, after its causes.
func on(name string, id trace.ID, causes ...trace.ID) trace.Step {
	step := trace.Step{ID: id, Time: time.Now(), Object: pod(name), Causes: causes}
	if text, wrote := strings.CutPrefix(string(id), "r"); wrote {
		step.Revision, _ = strconv.ParseInt(text, 10, 64)
	}
	return step
}

func TestAStepOfANodeThatIsReportedLateComesBeforeWhatItLedTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		history := record.NewHistory(record.LiveLimits)
		order := record.NewOrder(history, patient, 0)
		order.Know([]trace.Step{on("web", "r1")})
		order.Step(on("web", "r8", "kubelet.node-1.2"))
		order.Write(pod("web"), 8, object("web", 8))
		order.Step(on("rs", "r9", "r8")) // what it led to has come too
		order.Write(pod("rs"), 9, object("rs", 9))
		order.Step(on("other", "r10", "r7")) // has nothing to do with it, and r7 has expired
		time.Sleep(patient / 2)
		order.Step(on("web", "kubelet.node-1.2", "kubelet.node-1.1", "r1"))
		order.Step(on("web", "kubelet.node-1.1", "r1"))
		time.Sleep(patient) // the object of r10 never comes
		want := []string{"step r10", "step kubelet.node-1.1", "step kubelet.node-1.2", "step r8", "web r8", "step r9", "rs r9"}
		if diff := cmp.Diff(want, arrived(t, history)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestACauseThatNeverComesIsNotWaitedForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		history := record.NewHistory(record.LiveLimits)
		order := record.NewOrder(history, patient, 0)
		order.Step(on("web", "r8", "kubelet.node-1.2"))
		order.Step(on("web", "r9")) // it came after r8, on the same object
		order.Write(pod("web"), 8, object("web", 8))
		order.Write(pod("web"), 9, object("web", 9))
		if early := arrived(t, history); early != nil {
			t.Errorf("at once came %v", early)
		}
		time.Sleep(patient)
		if diff := cmp.Diff([]string{"step r8", "web r8", "step r9", "web r9"}, arrived(t, history)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestAStepIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		history := record.NewHistory(record.LiveLimits)
		order := record.NewOrder(history, patient, 0)
		order.Know([]trace.Step{on("web", "r1")})
		first := []bool{order.Step(on("web", "r1")), order.Step(on("web", "r2")), order.Step(on("web", "r2")),
			order.Step(on("web", "r3", "late")), order.Step(on("web", "r3", "late"))}
		if diff := cmp.Diff([]bool{false, true, false, true, false}, first); diff != "" {
			t.Errorf("new were (-want +got):\n%s", diff)
		}
		time.Sleep(patient)
		if diff := cmp.Diff([]string{"step r2", "step r3"}, arrived(t, history)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// at is a step of a moment, told by a node.
func at(id trace.ID, moment time.Time, causes ...trace.ID) trace.Step {
	return trace.Step{ID: id, Time: moment, Object: pod("web"), Causes: causes}
}

func TestWhatIsToldLateStandsAtItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		history := record.NewHistory(record.LiveLimits)
		order := record.NewOrder(history, patient, 200*time.Millisecond)
		start := time.Now()
		time.Sleep(100 * time.Millisecond)
		order.Step(at("node-1.3", start.Add(90*time.Millisecond)))
		order.Now(object("web", 0))
		time.Sleep(20 * time.Millisecond)
		order.Step(at("node-2.1", start.Add(10*time.Millisecond)))
		if early := arrived(t, history); early != nil {
			t.Errorf("%v came before what else may have happened", early)
		}
		time.Sleep(time.Second)
		order.Step(at("node-1.2", start.Add(80*time.Millisecond))) // its place is gone
		if diff := cmp.Diff([]string{"step node-2.1", "step node-1.3", "web r0", "step node-1.2"}, arrived(t, history)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		frames, _ := history.Next(t.Context(), 0)
		var times []time.Duration
		for _, frame := range frames {
			times = append(times, frame.Time.Sub(start))
		}
		want := []time.Duration{10 * time.Millisecond, 90 * time.Millisecond, 100 * time.Millisecond, 100 * time.Millisecond}
		if diff := cmp.Diff(want, times); diff != "" {
			t.Errorf("times (-want +got):\n%s", diff)
		}
	})
}

func TestNoClockPutsAStepBeforeItsCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		history := record.NewHistory(record.LiveLimits)
		order := record.NewOrder(history, patient, 200*time.Millisecond)
		order.Step(on("web", "r1"))
		early := on("rs", "r2", "r1")
		early.Time = early.Time.Add(-time.Millisecond)
		order.Step(early)
		order.Write(pod("rs"), 2, object("rs", 2))
		time.Sleep(time.Second)
		if diff := cmp.Diff([]string{"step r1", "step r2", "rs r2"}, arrived(t, history)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestNothingPassesBetweenAStepAndTheObjectThatItWroteUnlessThatIsVeryLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		history := record.NewHistory(record.LiveLimits)
		order := record.NewOrder(history, 500*time.Millisecond, 200*time.Millisecond)
		order.Step(on("web", "r5"))
		time.Sleep(100 * time.Millisecond)
		order.Now(object("fact", 0))
		order.Step(on("rs", "r6")) // its object never comes
		time.Sleep(200 * time.Millisecond)
		if early := arrived(t, history); early != nil {
			t.Errorf("%v came before the object of r5", early)
		}
		order.Write(pod("web"), 5, object("web", 5))
		time.Sleep(300 * time.Millisecond)
		if diff := cmp.Diff([]string{"step r5", "web r5", "fact r0", "step r6"}, arrived(t, history)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}
