package labs

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// report checks a step with these checks, in a lab of its own.
func report(t *testing.T, step Step) Report {
	t.Helper()
	for i := range step.Check {
		if step.Check[i].Within == 0 {
			step.Check[i].Within = time.Minute
		}
	}
	found, err := (&Checker{Lab: &Lab{Name: "03-pods"}, Shell: shell(t)}).Check(t.Context(), &step)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestACheckComparesWhatWasPrintedAndShowsTheEvidence(t *testing.T) {
	three, empty := "3", ""
	tests := map[string]struct {
		check          Check
		passed         bool
		expected, seen string
	}{
		"success is enough":             {Check{Run: "echo yes"}, true, "that it succeeds", "yes"},
		"nothing was printed":           {Check{Run: "true"}, true, "that it succeeds", "nothing"},
		"a failure tells its complaint": {Check{Run: "echo no >&2; exit 4"}, false, "that it succeeds", "no\nexit code 4"},
		"the exact text":                {Check{Run: "echo ' 3 '", Expect: &three}, true, "3", "3"},
		"another text":                  {Check{Run: "echo 33", Expect: &three}, false, "3", "33"},
		"nothing is a text too":         {Check{Run: "echo", Expect: &empty}, true, "nothing", "nothing"},
		"the right text of a failure":   {Check{Run: "echo 3; false", Expect: &three}, false, "3", "3\nexit code 1"},
		"a warning is no answer":        {Check{Run: "echo hm >&2; echo 3", Expect: &three}, true, "3", "3"},
		"a pattern":                     {Check{Run: "echo 10.244.0.7", Matches: regexp.MustCompile(`^10\.244\.`)}, true, `a text that matches ^10\.244\.`, "10.244.0.7"},
		"another pattern":               {Check{Run: "echo 10.96.0.1", Matches: regexp.MustCompile(`^10\.244\.`)}, false, `a text that matches ^10\.244\.`, "10.96.0.1"},
		"it hangs":                      {Check{Run: "echo so far; sleep 1000", Within: 300 * time.Millisecond}, false, "that it succeeds", "so far\ndid not end within 0.3 s"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := report(t, Step{Check: []Check{test.check}})
			want := []Finding{{Run: test.check.Run, Passed: test.passed, Expected: test.expected, Seen: test.seen}}
			if diff := cmp.Diff(want, got.Checks); diff != "" || got.Done != test.passed {
				t.Errorf("done: %v (-want +got):\n%s", got.Done, diff)
			}
		})
	}
}

func TestEvidenceHasAnEnd(t *testing.T) {
	seen := report(t, Step{Check: []Check{{Run: "printf 'ä%.0s' {1..9000}; printf x"}}}).Checks[0].Seen
	if len(seen) > 3000 || !strings.HasSuffix(seen, " …") || strings.ToValidUTF8(seen, "") != seen {
		t.Errorf("%d bytes: %q", len(seen), seen)
	}
}

func TestAStepIsDoneWhenItsChecksPassAndWhatHoldsIsTrue(t *testing.T) {
	pass, fail := Check{Run: "true", Within: time.Minute}, Check{Run: "false", Within: time.Minute}
	for _, test := range []struct {
		step Step
		done bool
	}{
		{Step{Check: []Check{pass, pass}}, true},
		{Step{Check: []Check{pass, fail}}, false},
		{Step{Check: []Check{pass}, Holds: []Hold{{Check: pass}}}, true},
		{Step{Check: []Check{pass}, Holds: []Hold{{Check: fail}}}, false},
	} {
		if got := report(t, test.step); got.Done != test.done {
			t.Errorf("%+v", got)
		}
	}
}

func TestAHintIsComputedFromWhatWasSeenAndOnlyAfterAFailure(t *testing.T) {
	saw := func(text string) []Check { return []Check{{Run: "echo " + text + "; false"}} }
	hints := []Hint{
		{When: regexp.MustCompile("not found"), Say: "There is no pod."},
		{When: regexp.MustCompile("slow"), Run: "true"}, // finds nothing to say
		{Run: "touch asked; echo ' the image is missing '"},
	}
	for text, want := range map[string]string{"pod not found": "There is no pod.", "slow": "the image is missing", "other": "the image is missing"} {
		if got := report(t, Step{Check: saw(text), Hint: hints}).Hint; got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
	if got := report(t, Step{Check: []Check{{Run: "true"}}, Hint: hints}).Hint; got != "" {
		t.Errorf("a step that is done has the hint %q", got)
	}
}

func TestAnOpenStepIsCheckedEverySecondAndLessOftenWhileAllStaysTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, ended := time.Now(), errors.New("closed")
		var checks, reports []float64
		err := watch(t.Context(), func() (Report, error) {
			at := time.Since(began).Seconds()
			checks = append(checks, at)
			return Report{Done: at > 8}, nil
		}, func(Report) error {
			reports = append(reports, time.Since(began).Seconds())
			if len(reports) == 2 {
				return ended
			}
			return nil
		})
		if diff := cmp.Diff([]float64{0, 1, 3, 6, 9}, checks); diff != "" || !errors.Is(err, ended) {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
		if diff := cmp.Diff([]float64{0, 9}, reports); diff != "" {
			t.Errorf("only what is new is told (-want +got):\n%s", diff)
		}
	})
}
