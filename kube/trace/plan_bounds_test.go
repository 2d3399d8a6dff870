package trace

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAStepIsRefusedWhoseFieldsAreTooLongOrOfAnotherTime(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	good := Step{ID: "kubelet.node-1.1", Time: now, Component: "kubelet", Host: "node-1", Verb: "start", Object: Ref{Resource: "pods", Namespace: "shop", Name: "web"}}
	long := strings.Repeat("x", 1<<20)
	for want, change := range map[string]func(*Step){
		"":                 func(*Step) {},
		"id":               func(s *Step) { s.ID = "" },
		"verb":             func(s *Step) { s.Verb = long },
		"host":             func(s *Step) { s.Host = long },
		"source":           func(s *Step) { s.Source = "a\x1b[2J" },
		"detail":           func(s *Step) { s.Detail = long },
		"object.resource":  func(s *Step) { s.Object.Resource = long },
		"object.namespace": func(s *Step) { s.Object.Namespace = long },
		"object.name":      func(s *Step) { s.Object.Name = "a\nb" },
		"causes": func(s *Step) {
			s.Causes = make([]ID, 1)
			s.Causes[0] = "r1"
			s.Causes = append(s.Causes, repeat("r2", 1000)...)
		},
		"causes[0]": func(s *Step) { s.Causes = []ID{ID(long)} },
		"plan":      func(s *Step) { s.Plan = json.RawMessage(`"` + long + `"`) },
		"time":      func(s *Step) { s.Time = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC) },
		"root":      func(s *Step) { s.Root = "whim" },
		"revision":  func(s *Step) { s.Revision = 7 },
	} {
		step := good
		change(&step)
		got := ""
		for _, err := range Check(step, now) {
			got = err.Field
		}
		if got != want {
			t.Errorf("got an error at %q, want %q", got, want)
		}
		if fixed := Bounded(step); want == "detail" || want == "verb" || want == "host" || want == "causes" || want == "causes[0]" || want == "plan" || want == "object.resource" || want == "object.namespace" {
			if errs := Check(fixed, now); len(errs) > 0 {
				t.Errorf("%s, cut to what the record takes: %v", want, errs)
			}
		}
	}
	for past, want := range map[time.Duration]int{-time.Minute: 0, -10 * time.Minute: 1, 24 * time.Hour: 0, 365 * 24 * time.Hour: 1} {
		good.Time = now.Add(-past)
		if errs := Check(good, now); len(errs) != want {
			t.Errorf("%v ago: %v, want %d errors", past, errs, want)
		}
	}
}

func repeat(id ID, times int) []ID {
	ids := make([]ID, times)
	for i := range ids {
		ids[i] = id
	}
	return ids
}

func TestWhatIsTooLongLosesItsEndAndNoHalfOfALetterStays(t *testing.T) {
	long := Bounded(Step{Detail: strings.Repeat("x", maxDetail-1) + "é"})
	if diff := cmp.Diff(strings.Repeat("x", maxDetail-1), long.Detail); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
