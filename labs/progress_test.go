package labs

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	kubetesting "k8s.io/client-go/testing"
)

var nine = time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC)

// keeper keeps progress, which must always be possible.
type keeper struct {
	*Progress
	t *testing.T
}

// keeps is a keeper of progress that begins with what is given.
func keeps(t *testing.T, data map[string]string) keeper {
	kept := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "kubelab", Name: "progress"}, Data: data}
	return keeper{&Progress{fake.NewClientset(kept)}, t}
}

func (k keeper) does(err error) {
	k.t.Helper()
	if err != nil {
		k.t.Fatal(err)
	}
}

func (k keeper) is(lab string, left bool, done map[string]time.Time) {
	k.t.Helper()
	got, err := k.Of(k.t.Context(), lab)
	if diff := cmp.Diff(Kept{Done: done, Left: left, Begun: got.Begun}, got); diff != "" || err != nil {
		k.t.Errorf("%s: %v (-want +got):\n%s", lab, err, diff)
	}
}

func TestWhatIsDoneIsKeptInTheClusterUntilTheLabIsReset(t *testing.T) {
	k, ctx := keeper{&Progress{fake.NewClientset()}, t}, t.Context()
	k.does(k.Clear(ctx, "03-pods"))
	k.is("03-pods", false, map[string]time.Time{})
	k.does(k.Done(ctx, "03-pods", Done{Step: "one", Left: true, At: nine}))
	k.does(k.Done(ctx, "03-pods", Done{Step: "one", Left: true, At: nine.Add(time.Hour)}))
	k.does(k.Done(ctx, "03-pods", Done{Step: "two", Left: false, At: nine.Add(time.Minute)}))
	k.does(k.Done(ctx, "09-loop", Done{Step: "one", Left: false, At: nine}))
	k.is("03-pods", true, map[string]time.Time{"one": nine, "two": nine.Add(time.Minute)})
	k.does(k.Clear(ctx, "03-pods"))
	k.is("03-pods", false, map[string]time.Time{})
	k.is("09-loop", false, map[string]time.Time{"one": nine})
}

func TestALabThatHasLeftThingsIsKnownUntilTheyAreTakenAwayAndItsTicksStay(t *testing.T) {
	k, ctx := keeps(t, nil), t.Context()
	left := func(want ...string) {
		t.Helper()
		if got, err := k.Left(ctx); cmp.Diff(want, got) != "" || err != nil {
			t.Errorf("want %v, got %v: %v", want, got, err)
		}
	}
	k.does(k.Done(ctx, "00-look", Done{Step: "only", Left: false, At: nine}))
	left()
	k.does(k.Done(ctx, "10-scheduler", Done{Step: "one", Left: true, At: nine}))
	k.does(k.Done(ctx, "09-loop", Done{Step: "one", Left: true, At: nine}))
	left("09-loop", "10-scheduler")
	k.does(k.Tidied(ctx, "09-loop"))
	left("10-scheduler")
	k.is("09-loop", false, map[string]time.Time{"one": nine})
	k.does(k.Done(ctx, "09-loop", Done{Step: "one", Left: true, At: nine.Add(time.Hour)}))
	k.is("09-loop", true, map[string]time.Time{"one": nine}) // who does it again leaves things again
}

func TestLabsAreTidiedAtOnceAsOneMayWaitForAnother(t *testing.T) {
	k, ctx, dir := keeps(t, nil), t.Context(), t.TempDir()
	var several []*Checker
	for name, reset := range map[string]string{"10-waits": "until [ -e on ]; do sleep 0.05; done", "16-switches": "touch on", "12-fails": "echo no such node; false"} {
		k.does(k.Done(ctx, name, Done{Step: "one", Left: true, At: nine}))
		lab := &Lab{Name: name, Reset: []Command{{Do: reset, Within: 20 * time.Second}}}
		several = append(several, &Checker{Lab: lab, Shell: &Shell{Dir: dir, Env: os.Environ()}, Progress: k.Progress})
	}
	if err := Tidy(ctx, several); err == nil || !strings.Contains(err.Error(), "reset 12-fails") || !strings.Contains(err.Error(), "no such node") {
		t.Error(err)
	}
	if left, err := k.Left(ctx); err != nil || cmp.Diff([]string{"12-fails"}, left) != "" {
		t.Errorf("left are %v: %v", left, err)
	}
}

func TestTwoWhoKeepProgressAtOnceBothSucceed(t *testing.T) {
	kept := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "kubelab", Name: "progress"}}
	client := fake.NewClientset(kept)
	conflicts := 0
	client.PrependReactor("update", "configmaps", func(kubetesting.Action) (bool, runtime.Object, error) {
		conflicts++
		return conflicts == 1, nil, apierrors.NewConflict(schema.GroupResource{Resource: "configmaps"}, "progress", nil)
	})
	if err := (&Progress{client}).Done(t.Context(), "03-pods", Done{Step: "one", Left: true, At: time.Now()}); err != nil || conflicts != 2 {
		t.Errorf("%d tries: %v", conflicts, err)
	}
}

func TestProgressThatCannotBeReadSaysWhichAndTheRemedyAndSpoilsNoOther(t *testing.T) {
	for _, damaged := range []string{"{", "[]", `{"done":[]}`, `{"done":{"one":"yesterday"}}`} {
		k := keeps(t, map[string]string{"03-pods": damaged, "09-loop": `{"done":{},"left":true}`})
		if _, err := k.Of(t.Context(), "03-pods"); err == nil || !strings.Contains(err.Error(), "kube lab reset 03-pods") {
			t.Errorf("%s: %v", damaged, err)
		}
		if left, err := k.Left(t.Context()); err != nil || cmp.Diff([]string{"09-loop"}, left) != "" {
			t.Errorf("%s: left are %v: %v", damaged, left, err)
		}
	}
}

func TestAnEmptyEntryIsALabOfWhichNothingIsDone(t *testing.T) {
	for _, empty := range []string{"null", "{}", `{"done":null}`} {
		k := keeps(t, map[string]string{"03-pods": empty})
		k.is("03-pods", false, map[string]time.Time{})
		k.does(k.Done(t.Context(), "03-pods", Done{Step: "one", Left: true, At: nine}))
		k.is("03-pods", true, map[string]time.Time{"one": nine})
	}
}

func TestWhoWatchesAStepHearsWhatIsDoneOfTheLabAndThatItWasReset(t *testing.T) {
	k, ctx := keeps(t, nil), t.Context()
	lab := &Lab{Name: "03-pods", Steps: []Step{{ID: "one"}, {ID: "two"}, {ID: "three", Observe: true}}}
	c := &Checker{Lab: lab, Shell: shell(t), Progress: k.Progress}
	hears := func(step int, done bool, want ...string) {
		t.Helper()
		kept, err := c.kept(ctx)
		k.does(err)
		lab.Steps[step].Check = []Check{{Run: fmt.Sprint(done), Within: time.Minute}}
		_, err = c.look(ctx, &lab.Steps[step], kept)
		k.does(err)
		kept, err = c.kept(ctx)
		k.does(err)
		if diff := cmp.Diff(append([]string{}, want...), c.passed(kept)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	hears(2, true, "three")
	k.is(lab.Name, false, map[string]time.Time{"three": k.since("three")})
	hears(0, true, "one", "three")
	hears(1, false, "one", "three")
	k.does(k.Clear(ctx, lab.Name))
	hears(1, false)
	hears(1, true, "two")
	if kept, err := k.Of(ctx, lab.Name); err != nil || !kept.Left {
		t.Errorf("a step with something to do leaves something: %+v: %v", kept, err)
	}
}

func (k keeper) since(step string) time.Time {
	kept, err := k.Of(k.t.Context(), "03-pods")
	k.does(err)
	return kept.Done[step]
}
