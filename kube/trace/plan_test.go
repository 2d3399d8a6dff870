package trace_test

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"kubelab/kube/trace"
)

// step makes a step at a millisecond: "r3 create pods/a < r2" or "r1 create deployments/a (request)".
func step(ms int, text string) trace.Step {
	what, causes, _ := strings.Cut(text, " < ")
	words := strings.Fields(what)
	resource, name, _ := strings.Cut(words[2], "/")
	s := trace.Step{ID: trace.ID(words[0]), Verb: words[1], Object: trace.Ref{Resource: resource, Name: name},
		Time: time.UnixMilli(int64(ms)), Component: "test"}
	if len(words) > 3 {
		s.Root = trace.Root(strings.Trim(words[3], "()"))
	}
	for _, cause := range strings.Fields(causes) {
		s.Causes = append(s.Causes, trace.ID(cause))
	}
	return s
}

func ids(steps []trace.Step) string {
	var texts []string
	for _, s := range steps {
		texts = append(texts, string(s.ID))
	}
	return strings.Join(texts, " ")
}

// two deployments, made at once.
var two = []trace.Step{
	step(0, "r1 create deployments/a (request)"),
	step(0, "r2 create deployments/b (request)"),
	step(1, "r3 create replicasets/a-1 < r1"),
	step(1, "r4 create replicasets/b-1 < r2"),
	step(2, "r5 create pods/a-1-x < r3"),
	step(2, "r6 create pods/b-1-x < r4"),
	step(3, "r7 bind pods/a-1-x < r5"),
	step(3, "r8 bind pods/b-1-x < r6"),
	step(4, "k1 start pods/a-1-x < r7"),
	step(5, "r9 ready pods/a-1-x < k1"),
	step(6, "r10 update endpointslices/shop-1 < r9 r20"),
	step(7, "p1 load services/shop < r10"),
	step(7, "p2 load services/shop < r10"),
	step(8, "r11 update replicasets/a-1 < r9"),
}

func TestAChainLeadsFromTheRequestToTheRulesOnEachNode(t *testing.T) {
	got := ids(trace.Chain(two, trace.Ref{Resource: "pods", Name: "a-1-x"}))
	if diff := cmp.Diff("r1 r3 r5 r7 k1 r9 r10 p1 p2", got); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsChangedAtTheSameTimeDoesNotMixItsChains(t *testing.T) {
	got := ids(trace.Chain(two, trace.Ref{Resource: "pods", Name: "b-1-x"}))
	if diff := cmp.Diff("r2 r4 r6 r8", got); diff != "" {
		t.Error(diff)
	}
}

func TestAStepNeverComesBeforeItsCauseThoughClocksDiffer(t *testing.T) {
	record := []trace.Step{step(5, "r1 create pods/a (request)"), step(3, "k1 start pods/a < r1")}
	got := ids(trace.Chain(record, trace.Ref{Resource: "pods", Name: "a"}))
	if diff := cmp.Diff("r1 k1", got); diff != "" {
		t.Error(diff)
	}
}

func TestAStepWithNeitherRootNorKnownCauseIsAGap(t *testing.T) {
	record := []trace.Step{step(1, "r1 create pods/a (request)"), step(2, "r2 bind pods/a < r1"), step(3, "k1 start pods/a < lost")}
	if got := ids(trace.Gaps(record)); got != "k1" {
		t.Errorf("got %q, want k1", got)
	}
}

func TestALoopOfCausesEnds(t *testing.T) {
	record := []trace.Step{step(1, "r1 update pods/a < r2"), step(2, "r2 update pods/a < r1")}
	if got := trace.Chain(record, trace.Ref{Resource: "pods", Name: "a"}); len(got) != 2 {
		t.Errorf("got %d steps, want 2", len(got))
	}
}

func TestAPrintedChainNamesEachCauseByItsNumber(t *testing.T) {
	var out bytes.Buffer
	if err := trace.Print(&out, trace.Fold(trace.Chain(two, trace.Ref{Resource: "pods", Name: "b-1-x"})), 0); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, line := range strings.Split(strings.TrimSpace(out.String()), "\n")[1:] {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	want := []string{
		"STEP AFTER WHO DID TO BECAUSE OF DETAIL",
		"1 0.0ms test create deployments/b (request)",
		"2 1.0ms test create replicasets/b-1 1",
		"3 2.0ms test create pods/b-1-x 2",
		"4 3.0ms test bind pods/b-1-x 3",
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestInANarrowTerminalIdentifiersAreShortAndNoLineIsTooLong(t *testing.T) {
	told := step(1, "r1 create pods/web (request)")
	told.Detail = "layer sha256:6a5946c2a704cd61f47bdde547aeeea9143adc28e37cde7aa2d273cede863c9a of the image, and what else there is to say of it"
	for width, want := range map[int]string{
		0:   told.Detail,
		200: "layer sha256:6a5946c2a704… of the image, and what else there is to say of it",
		80:  "layer sha256:6a5946c2a704… of …",
		20:  "layer sha256:6a…",
	} {
		var out bytes.Buffer
		if err := trace.Print(&out, []trace.Line{{told}}, width); err != nil {
			t.Fatal(err)
		}
		last := strings.Split(strings.TrimSpace(out.String()), "\n")[2]
		if !strings.HasSuffix(last, "  "+want) {
			t.Errorf("%d columns: want %q at the end of %q", width, want, last)
		}
		if n := utf8.RuneCountInString(last); width >= 80 && n > width {
			t.Errorf("%d columns: a line has %d", width, n)
		}
	}
}

func TestWhatAPersonTypesAfterWhyIsResolved(t *testing.T) {
	plurals := map[string]string{"po": "pods", "pod": "pods", "pods": "pods"}
	for text, want := range map[string]string{
		"pod/web-1": "pods/default/web-1", "po/web-1": "pods/default/web-1", "pods/shop/web-1": "pods/shop/web-1",
	} {
		got, err := trace.ParseRef(text, "default", plurals)
		if err != nil || got.String() != want {
			t.Errorf("%s: got %s, %v; want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"web-1", "pod/", "thing/web-1", "a/b/c/d"} {
		if got, err := trace.ParseRef(text, "default", plurals); err == nil {
			t.Errorf("%s: got %s, want an error", text, got)
		}
	}
}

func TestWhatIsHeldWaitsUntilItResumes(t *testing.T) {
	at := func(verb, loop, name string) trace.Step {
		return trace.Step{Verb: verb, Detail: loop, Object: trace.Ref{Resource: "pods", Name: name}}
	}
	record := []trace.Step{
		at("hold", "scheduler", "a"), at("hold", "scheduler", "b"), at("hold", "kubelet", "a"),
		at("resume", "scheduler", "a"), at("create binding", "scheduler", "a"), at("hold", "scheduler", "b"), // by its successor
	}
	want := []trace.Step{at("hold", "kubelet", "a"), at("hold", "scheduler", "b")}
	if diff := cmp.Diff(want, trace.Held(record)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
