package operator_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubelab/kube/component"
	"kubelab/kube/operator"
	"kubelab/kube/trace"
)

// stepping is a loop in step mode, in a bubble.
type stepping struct {
	*testing.T
	client *operator.Client
	loop   *operator.Loop
	turns  []string              // the names of the keys that were reconciled
	causes map[string][]trace.ID // of these turns
}

// inStepMode runs a loop while the test works. said is what the ConfigMap says at first.
func inStepMode(t *testing.T, said map[string]string, test func(*stepping)) {
	synctest.Test(t, func(t *testing.T) {
		s := &stepping{T: t, client: newClient(t, stepMode(said)), causes: map[string][]trace.ID{}}
		s.loop = operator.NewLoop(component.Loop{Name: "test", Resource: "tests"}, 1, s.client, func(ctx context.Context, key operator.Key) error {
			s.turns = append(s.turns, key.Name)
			s.causes[key.Name] = trace.Causes(ctx)
			return nil
		})
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() {
			if err := s.loop.Run(ctx); err != nil {
				t.Error(err)
			}
		})
		test(s)
		cancel()
		running.Wait()
	})
}

func stepMode(said map[string]string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: operator.StepMode, ResourceVersion: "7"}, Data: said}
}

func (s *stepping) say(said map[string]string) {
	if _, err := s.client.CoreV1().ConfigMaps("kube-system").Update(s.Context(), stepMode(said), metav1.UpdateOptions{}); err != nil {
		s.Fatal(err)
	}
	synctest.Wait()
}

func (s *stepping) add(names ...string) {
	for _, name := range names {
		s.loop.Add(operator.Key{Name: name}, trace.ID("r-"+name))
		synctest.Wait()
	}
}

func (s *stepping) want(what string, names ...string) {
	s.Helper()
	synctest.Wait()
	if diff := cmp.Diff(names, s.turns); diff != "" {
		s.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestAHeldLoopGoesOnOneTurnAtATimeInTheOrderInWhichItsKeysCame(t *testing.T) {
	inStepMode(t, map[string]string{"other": "0"}, func(s *stepping) {
		s.add("before")
		s.want("not held", "before")
		s.say(map[string]string{"test": "0"})
		s.add("c", "a", "b", "c")
		s.want("held", "before")
		s.say(map[string]string{"test": "1"})
		s.want("one may go on", "before", "c")
		s.add("d")
		s.want("still held", "before", "c")
		s.say(map[string]string{"test": "3"})
		s.want("two more", "before", "c", "a", "b")
		s.say(nil)
		s.want("released", "before", "c", "a", "b", "d")
		s.add("e")
		s.want("free", "before", "c", "a", "b", "d", "e")
	})
}

func TestTheLoopGoesOnWhenTheConfigMapIsNoMore(t *testing.T) {
	inStepMode(t, map[string]string{"test": "0"}, func(s *stepping) {
		s.add("a")
		s.want("held")
		if err := s.client.CoreV1().ConfigMaps("kube-system").Delete(s.Context(), operator.StepMode, metav1.DeleteOptions{}); err != nil {
			s.Fatal(err)
		}
		s.want("free", "a")
	})
}

func TestALoopThatStartsAnewStaysHeld(t *testing.T) {
	inStepMode(t, map[string]string{"test": "5"}, func(s *stepping) {
		s.add("a")
		s.want("the five turns were another's")
		s.say(map[string]string{"test": "6"})
		s.want("one may go on", "a")
	})
}

func TestALoopOfOneHostCanBeHeldAlone(t *testing.T) {
	inStepMode(t, map[string]string{"test.host-2": "0"}, func(s *stepping) {
		s.add("a")
		s.want("another host is held", "a")
		s.say(map[string]string{"test.host-1": "0"})
		s.add("b")
		s.want("this host is held", "a")
	})
}

func TestWhatWaitsIsRecordedOnceAndTheLeaveToGoOnIsACause(t *testing.T) {
	inStepMode(t, map[string]string{"test": "0"}, func(s *stepping) {
		s.add("a", "a")
		s.say(map[string]string{"test": "1"})
		s.want("one may go on", "a")
		ctx, cancel := context.WithCancel(s.Context())
		var steps []trace.Step
		s.client.Recorder.Run(ctx, func(_ context.Context, batch []trace.Step) error {
			steps = append(steps, batch...)
			cancel()
			return nil
		})
		var told [][]any
		for _, step := range steps {
			told = append(told, []any{step.Verb, step.Object.String(), step.Causes})
		}
		want := [][]any{
			{"hold", "tests/a", []trace.ID{"r-a"}},
			{"resume", "tests/a", []trace.ID{"r-a", "r7", steps[0].ID}},
		}
		if diff := cmp.Diff(want, told); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]trace.ID{steps[1].ID}, s.causes["a"]); diff != "" {
			t.Errorf("the turn's causes (-want +got):\n%s", diff)
		}
	})
}
