package operator_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"

	"kubelab/kube/component"
	"kubelab/kube/operator"
	"kubelab/kube/trace"
)

var web = operator.Key{Namespace: "shop", Name: "web"}

// run lets a loop work in a bubble until nothing more can happen, and ends it.
func run(t *testing.T, loop *operator.Loop, wait time.Duration) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := loop.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	time.Sleep(wait) // the bubble's time: it passes when all are idle
	synctest.Wait()
	cancel()
	running.Wait()
}

func newClient(t *testing.T, objects ...runtime.Object) *operator.Client {
	t.Helper()
	recorder, err := trace.NewRecorder("test", "host-1", "")
	if err != nil {
		t.Fatal(err)
	}
	return operator.NewClient(fake.NewClientset(objects...), recorder, "test")
}

func TestAKeyThatChangedTenTimesIsReconciledOnceWithAllItsCauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var turns [][]trace.ID
		loop := operator.NewLoop(component.Loop{Name: "test", Resource: "tests"}, 1, newClient(t), func(ctx context.Context, key operator.Key) error {
			turns = append(turns, trace.Causes(ctx))
			return nil
		})
		for _, cause := range []trace.ID{"r1", "r2", "r3", "r2"} {
			loop.Add(web, cause)
		}
		run(t, loop, time.Second)
		if diff := cmp.Diff([][]trace.ID{{"r1", "r2", "r3"}}, turns); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestCausesOfOneKeyNeverReachAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := map[string][]trace.ID{}
		loop := operator.NewLoop(component.Loop{Name: "test", Resource: "tests"}, 1, newClient(t), func(ctx context.Context, key operator.Key) error {
			got[key.Name] = trace.Causes(ctx)
			return nil
		})
		loop.Add(operator.Key{Name: "a"}, "r1")
		loop.Add(operator.Key{Name: "b"}, "r2")
		run(t, loop, time.Second)
		if diff := cmp.Diff(map[string][]trace.ID{"a": {"r1"}, "b": {"r2"}}, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestATurnThatFailedComesBackForTheSameReasons(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var turns [][]trace.ID
		loop := operator.NewLoop(component.Loop{Name: "test", Resource: "tests"}, 1, newClient(t), func(ctx context.Context, key operator.Key) error {
			turns = append(turns, trace.Causes(ctx))
			switch len(turns) {
			case 1:
				return errors.New("the server is away")
			case 2:
				panic("a bug")
			}
			return nil
		})
		loop.Add(web, "r1")
		run(t, loop, time.Minute)
		if diff := cmp.Diff([][]trace.ID{{"r1"}, {"r1"}, {"r1"}}, turns); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestAPanicIsAStepOfTheObjectThatSaysWhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, panics := newClient(t), true
		loop := operator.NewLoop(component.Loop{Name: "test", Resource: "tests"}, 1, client, func(context.Context, operator.Key) error {
			var nobody *trace.Step
			if panics {
				panics = false
				nobody.Detail = "a bug"
			}
			return nil
		})
		loop.Add(web, "r1")
		run(t, loop, time.Minute)
		ctx, cancel := context.WithCancel(t.Context())
		client.Recorder.Run(ctx, func(_ context.Context, batch []trace.Step) error {
			cancel()
			step := batch[0]
			if len(batch) != 1 || step.Verb != "panic" || step.Object.Name != web.Name || !slices.Equal(step.Causes, []trace.ID{"r1"}) {
				t.Errorf("recorded %+v", batch)
			}
			if !strings.HasPrefix(step.Source, "kube/operator/loop_test.go:") || !strings.Contains(step.Detail, step.Source+": runtime error: ") {
				t.Errorf("it was at %s: %s", step.Source, step.Detail)
			}
			return nil
		})
	})
}

func TestATimeThatCameIsTheRootOfWhatItSetOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var causes []trace.ID
		var at time.Duration
		start := time.Now()
		loop := operator.NewLoop(component.Loop{Name: "test", Resource: "tests"}, 1, newClient(t), func(ctx context.Context, key operator.Key) error {
			causes, at = trace.Causes(ctx), time.Since(start)
			return nil
		})
		loop.After(web, 10*time.Second, "back-off over")
		run(t, loop, time.Minute)
		if len(causes) != 1 || at != 10*time.Second {
			t.Errorf("after %s the causes were %v, want one root after 10s", at, causes)
		}
	})
}

func TestATimeThatCameIsTheRootAlsoOfWhatATurnDoesThatFailedBefore(t *testing.T) {
	for _, asks := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			var causes [][]trace.ID
			turns := 0
			loop := operator.NewLoop(component.Loop{Name: "test", Resource: "tests"}, 1, newClient(t), func(ctx context.Context, key operator.Key) error {
				if turns++; turns > 1 || asks {
					causes = append(causes, trace.Causes(ctx))
				}
				if turns < 3 {
					return errors.New("the runtime is away")
				}
				return nil
			})
			loop.After(web, 10*time.Second, "back-off over")
			run(t, loop, time.Minute)
			for _, turn := range causes {
				if len(turn) != 1 || turn[0] != causes[0][0] {
					t.Errorf("the first turn asks for its causes: %v; the causes of one turn after the other are %v, want one root, always the same", asks, causes)
					return
				}
			}
		})
	}
}

func TestNoKeyIsWorkedOnTwiceAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var inside, most, turns atomic.Int32
		var loop *operator.Loop
		loop = operator.NewLoop(component.Loop{Name: "test", Resource: "tests"}, 8, newClient(t), func(ctx context.Context, key operator.Key) error {
			most.Store(max(most.Load(), inside.Add(1)))
			defer inside.Add(-1)
			if turns.Add(1) < 5 {
				loop.Add(key) // it changes again while it is worked on
			}
			time.Sleep(time.Second)
			return nil
		})
		loop.Add(web)
		run(t, loop, time.Minute)
		if most.Load() != 1 || turns.Load() != 5 {
			t.Errorf("%d turns, at most %d at once; want 5, one at a time", turns.Load(), most.Load())
		}
	})
}
