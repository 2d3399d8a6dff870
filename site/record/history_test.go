package record_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"kubelab/kube/trace"
	"kubelab/site/record"
)

func pod(name string) trace.Ref {
	return trace.Ref{Resource: "pods", Namespace: "default", Name: name}
}

func object(name string, revision int64) record.Frame {
	return record.Frame{Object: &record.Object{Ref: pod(name), Revision: revision, Body: json.RawMessage(fmt.Sprintf(`{"metadata":{"name":%q},"spec":{},"revision":%d}`, name, revision))}}
}

func gone(name string) record.Frame {
	ref := pod(name)
	return record.Frame{Gone: &ref}
}

func step(revision int64) record.Frame {
	step := trace.Step{Object: pod("web"), Verb: "patch"}
	step.SetRevision(revision)
	return record.Frame{Step: &step}
}

func fact(about, data string) record.Frame {
	return record.Frame{Fact: &record.Fact{About: about, Data: json.RawMessage(data)}}
}

// tell says a snapshot in short.
func tell(s record.Snapshot) []string {
	words := []string{fmt.Sprint("seq ", s.Seq)}
	for _, object := range s.Objects {
		words = append(words, fmt.Sprintf("%s r%d", object.Ref.Name, object.Revision))
	}
	for _, fact := range s.Facts {
		words = append(words, fact.About)
	}
	for _, step := range s.Steps {
		words = append(words, string(step.ID))
	}
	return words
}

func TestTheStateAtAMomentIsTheSumOfAllFramesUpToIt(t *testing.T) {
	history := record.NewHistory(record.LiveLimits)
	history.Append(step(4), object("web", 4), object("db", 5), fact("process/node-1/kubelet", `{"pid":7}`), object("web", 6), gone("db"), fact("process/node-1/kubelet", "null"))
	for seq, want := range [][]string{
		{"seq 0"}, {"seq 1", "r4"}, {"seq 2", "web r4", "r4"}, {"seq 3", "db r5", "web r4", "r4"},
		{"seq 4", "db r5", "web r4", "process/node-1/kubelet", "r4"}, {"seq 5", "db r5", "web r6", "process/node-1/kubelet", "r4"},
		{"seq 6", "web r6", "process/node-1/kubelet", "r4"}, {"seq 7", "web r6", "r4"},
	} {
		got, err := history.At(int64(seq))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, tell(got)); diff != "" {
			t.Errorf("at %d (-want +got):\n%s", seq, diff)
		}
	}
	if diff := cmp.Diff([]string{"seq 7", "web r6", "r4"}, tell(history.Snapshot())); diff != "" {
		t.Error(diff)
	}
}

func TestWhatLeavesTheHistoryStaysInTheStateBeforeIt(t *testing.T) {
	for name, limits := range map[string]record.Limits{"frames": {Frames: 2}, "bytes": {Bytes: 460}} {
		history := record.NewHistory(limits)
		history.Append(object("a", 1), object("b", 2), object("a", 3), gone("b"))
		if diff := cmp.Diff([]string{"seq 2", "a r1", "b r2"}, tell(history.Start())); diff != "" {
			t.Errorf("%s: the state before the first frame (-want +got):\n%s", name, diff)
		}
		if _, err := history.At(1); !errors.Is(err, record.ErrForgotten) {
			t.Errorf("%s: the state at 1: %v", name, err)
		}
		if diff := cmp.Diff([]string{"seq 4", "a r3"}, tell(history.Snapshot())); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestAReaderThatFellBehindIsToldAndGoesOnFromASnapshot(t *testing.T) {
	history := record.NewHistory(record.Limits{Frames: 2})
	history.Append(object("a", 1), object("a", 2), object("a", 3))
	if _, err := history.Next(t.Context(), 0); !errors.Is(err, record.ErrForgotten) {
		t.Fatalf("got %v", err)
	}
	from := history.Snapshot().Seq
	history.Append(object("a", 4))
	frames, err := history.Next(t.Context(), from)
	if err != nil || len(frames) != 1 || frames[0].Object.Revision != 4 {
		t.Errorf("got %v, %v", frames, err)
	}
}

func TestAReaderWaitsForWhatIsNew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		history := record.NewHistory(record.LiveLimits)
		ctx, cancel := context.WithCancel(t.Context())
		var got []record.Frame
		var err error
		go func() {
			got, err = history.Next(ctx, 0)
			if err == nil {
				_, err = history.Next(ctx, 2)
			}
		}()
		synctest.Wait()
		history.Append(object("a", 1), object("a", 2))
		synctest.Wait()
		if len(got) != 2 || err != nil {
			t.Errorf("got %v, %v", got, err)
		}
		cancel()
		synctest.Wait()
		if !errors.Is(err, context.Canceled) {
			t.Errorf("after the end of its context: %v", err)
		}
	})
}

func TestEveryReaderGetsEveryFrameOnceAndInOrder(t *testing.T) {
	history := record.NewHistory(record.LiveLimits)
	const frames = 2000
	var readers sync.WaitGroup
	for range 10 {
		readers.Go(func() {
			for seq := int64(0); seq < frames; {
				batch, err := history.Next(t.Context(), seq)
				if err != nil {
					t.Error(err)
					return
				}
				for _, frame := range batch {
					if seq++; frame.Seq != seq {
						t.Errorf("frame %d came as number %d", frame.Seq, seq)
						return
					}
				}
			}
		})
	}
	var writers sync.WaitGroup
	for range 2 {
		writers.Go(func() {
			for i := range frames / 2 {
				history.Append(object("a", int64(i)))
			}
		})
	}
	writers.Wait()
	readers.Wait()
}

func TestANewBeginningIsNoContinuationForAReader(t *testing.T) {
	history := record.NewHistory(record.LiveLimits)
	history.Append(fact("host/node-1", `{"state":"up"}`), object("a", 1))
	history.Begin(record.Snapshot{Cluster: "lab", Objects: []record.Object{*object("b", 2).Object}})
	if _, err := history.Next(t.Context(), 2); !errors.Is(err, record.ErrForgotten) {
		t.Errorf("a reader of the time before got %v", err)
	}
	if diff := cmp.Diff([]string{"seq 3", "b r2", "host/node-1"}, tell(history.Snapshot())); diff != "" {
		t.Error(diff)
	}
}

func TestTheQuestionWhyCanBeAskedOfAnEarlierMoment(t *testing.T) {
	history := record.NewHistory(record.Limits{Frames: 2})
	history.Append(step(1), step(2), object("web", 2), step(3))
	for seq, want := range map[int64]int{2: 2, 3: 2, 4: 3, 0: 3} {
		if got := history.Steps(seq); len(got) != want {
			t.Errorf("up to %d: %d steps, want %d", seq, len(got), want)
		}
	}
}

func TestAFrameWithoutATimeHappensNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		history := record.NewHistory(record.LiveLimits)
		at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		history.Append(record.Frame{Time: at, Step: &trace.Step{}}, step(1))
		frames, err := history.Next(t.Context(), 0)
		if err != nil || !frames[0].Time.Equal(at) || !frames[1].Time.Equal(time.Now()) {
			t.Errorf("got %v, %v", frames, err)
		}
	})
}

func TestTheNewestFramesOnTheStateBeforeThemGiveWhatIsNow(t *testing.T) {
	for _, frames := range []int64{0, 1, 3, 7, 100} {
		history := record.NewHistory(record.Limits{Frames: 7})
		for i := range int64(12) {
			history.Append(object(fmt.Sprint("web-", i%4), i+1))
		}
		past := history.Recent(frames)
		if kept := min(frames, 7); past.Seq != 12-kept {
			t.Errorf("before %d frames it is frame %d, want %d", frames, past.Seq, 12-kept)
		}
		again := record.NewHistory(record.Unlimited)
		again.Begin(past)
		if frames > 0 {
			newest, err := history.Next(t.Context(), past.Seq)
			if err != nil {
				t.Fatal(err)
			}
			again.Append(newest...)
		}
		if diff := cmp.Diff(tell(history.Snapshot()), tell(again.Snapshot())); diff != "" {
			t.Errorf("after %d frames (-want +got):\n%s", frames, diff)
		}
	}
}
