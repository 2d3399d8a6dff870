package record_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

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
		order := record.NewOrder(history, patient)
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
		order := record.NewOrder(history, patient)
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
		order := record.NewOrder(history, patient)
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
