package labs

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var (
	restarts = Question{Ask: "Is it restarted?", Choices: []Choice{{Say: "Yes", Found: regexp.MustCompile(`^[1-9]`)}, {Say: "No", Found: regexp.MustCompile(`^0$`), Right: true}}, Because: "It *is not*."}
	pause    = Question{Ask: "How long?", Number: &Number{Want: 10, Tolerance: 3, Unit: "s"}}
	phase    = Question{Ask: "Which phase?", Word: "Running"}
)

func TestAnAnswerIsAChoiceANumberOrAWordOrThatOneDoesNotKnow(t *testing.T) {
	for _, test := range []struct {
		q          Question
		text, want string // empty: it is refused
	}{
		{restarts, "2", "No"}, {restarts, " yes ", "Yes"}, {restarts, "?", "?"}, {restarts, "3", ""}, {restarts, "0", ""}, {restarts, "", ""}, {restarts, "maybe", ""},
		{pause, "10", "10"}, {pause, "12.50 s", "12.5"}, {pause, "?", "?"}, {pause, "long", ""}, {pause, "NaN", ""}, {pause, "Inf", ""}, {pause, "", ""},
		{phase, " running", "running"}, {phase, "?", "?"}, {phase, "", ""}, {phase, strings.Repeat("x", 201), ""},
	} {
		got, err := test.q.Accept(test.text)
		if got != test.want || (err == nil) != (test.want != "") || err != nil && !errors.Is(err, ErrAnswer) {
			t.Errorf("%s %q: %q, %v", test.q.Ask, test.text, got, err)
		}
	}
	step := &Step{ID: "one", Predict: []Question{restarts, pause}}
	if _, err := step.Accept([]string{"1"}); !errors.Is(err, ErrAnswer) {
		t.Errorf("one answer to two questions: %v", err)
	}
	if got, err := step.Accept([]string{"1", "?"}); cmp.Diff([]Answer{{Said: "Yes"}, {Said: "?"}}, got) != "" || err != nil {
		t.Errorf("%v, %v", got, err)
	}
}

func TestAPredictionIsRightIfItIsWhatWasMeasuredAndNotWhatTheAuthorBelieved(t *testing.T) {
	for _, test := range []struct {
		q             Question
		said, printed string
		found         string
		right         bool
	}{
		{restarts, "No", "0\n", "No", true}, {restarts, "Yes", "0", "No", false}, {restarts, "Yes", "2", "Yes", true},
		{restarts, "No", "hm", "hm", false}, {restarts, "?", "0", "No", false}, {restarts, "No", "", "nothing", false},
		{pause, "8", "10.9", "10.9", true}, {pause, "13.95", "10.9", "10.9", false}, {pause, "?", "10", "10", false}, {pause, "10", "soon", "soon", false},
		{phase, "running", "Running", "Running", true}, {phase, "Pending", "Running", "Running", false},
	} {
		found := test.q.Outcome(test.printed)
		if got := test.q.Right(Answer{test.said, found}); found != test.found || got != test.right {
			t.Errorf("%s %q, and %q was printed: found %q, right: %v", test.q.Ask, test.said, test.printed, found, got)
		}
	}
	if restarts.Right(Answer{Said: ""}) {
		t.Error("what was not measured is not right")
	}
}

// asking is a lab that asks, fades and has a challenge.
const asking = `title: Asking
minutes: 1
reset: []
steps:
  - id: ask
    title: Ask
    text: This.
    predict:
      - {ask: "Is it there?", choices: [{say: it is, found: yes, right: true}, {say: it is not, found: no}], measure: echo yes, because: Of **course**.}
    run: [secret one]
    check: ["true"]
    hints: [look there, it means this, do that]
  - id: fade
    title: Fade
    text: That.
    faded: true
    run: [secret two]
    check: ["true"]
    hints: [look there, it means this]
challenges:
  - id: mend
    title: Mend
    text: Mend it.
    break: ["true"]
    check: ["true"]
    hints: [first grade, second grade, third grade]
    solutions: [{name: one, do: [secret three]}, {name: two, do: [secret four]}]
    debrief: secret five
`

func pageOf(t *testing.T, kept Kept) Page {
	t.Helper()
	all, err := Library{folder(asking)}.All()
	if err != nil {
		t.Fatal(err)
	}
	page, err := all[0].Page(kept)
	if err != nil {
		t.Fatal(err)
	}
	return page
}

func TestCommandsAreNotSentBeforeAStudentHasCommittedToAnAnswer(t *testing.T) {
	before := pageOf(t, Kept{}).Steps[0]
	if len(before.Run)+len(before.Check)+len(before.Hints) != 0 || !before.Waits || before.Predict[0].Because != "" || before.Predict[0].Measure != "" {
		t.Errorf("before: %+v", before)
	}
	said := pageOf(t, Kept{Said: map[string][]Answer{"ask": {{Said: "it is not"}}}}).Steps[0]
	if len(said.Run) != 1 || len(said.Check) != 1 || said.Waits || said.Predict[0].Because != "" {
		t.Errorf("committed: %+v", said)
	}
	found := pageOf(t, Kept{Said: map[string][]Answer{"ask": {{Said: "it is not", Found: "it is"}}}}).Steps[0].Predict[0]
	if found.Right || found.Found != "it is" || !strings.Contains(found.Because, "<strong>course") || found.Measure != "echo yes" {
		t.Errorf("measured: %+v", found)
	}
}

func TestAFadedStepShowsItsCommandsAsTheLastHint(t *testing.T) {
	for opened, want := range []struct{ hints, commands int }{{0, 0}, {1, 0}, {2, 0}, {2, 1}} {
		got := pageOf(t, Kept{Hints: map[string]int{"fade": opened}}).Steps[1]
		if len(got.Hints) != want.hints || len(got.Run) != want.commands || got.Grades != 3 {
			t.Errorf("%d hints are open: %+v", opened, got)
		}
	}
}

func TestAChallengeTellsItsSolutionsOnlyWhenItIsDone(t *testing.T) {
	got := pageOf(t, Kept{Begun: map[string]Begun{"mend": {At: nine}}, Hints: map[string]int{"mend": 2}}).Challenges[0]
	if !got.Begun || got.Done || len(got.Hints) != 2 || len(got.Solutions) != 0 || got.Debrief != "" {
		t.Errorf("%+v", got)
	}
	k := keeps(t, nil)
	k.does(k.Done(t.Context(), "03-pods", Done{Step: "mend", At: nine}))
	kept, err := k.Of(t.Context(), "03-pods")
	k.does(err)
	if got := pageOf(t, kept).Challenges[0]; !got.Done || len(got.Solutions) != 2 || !strings.Contains(got.Debrief, "secret five") {
		t.Errorf("%+v", got)
	}
}
