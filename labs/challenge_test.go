package labs

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// broken is a lab with a prediction and a challenge that work. W is the shelf.
const broken = `title: Broken
minutes: 1
reset: [rm -f $W/pod $W/works]
steps:
  - id: make
    title: Make
    text: Make a pod.
    predict: {ask: "How many?", number: 2, tolerance: 0.5, measure: ls $W | wc -l}
    run: [touch $W/pod]
    check: [test -e $W/pod]
challenges:
  - id: mend
    title: Mend it
    text: Mend it, and leave alone what works.
    setup: [date +%N >$W/works, echo good >$W/pod]
    break: [echo bad >$W/pod]
    check: [{run: cat $W/pod, expect: good, says: The pod is good.}]
    holds: [{run: cat $W/works, says: What works was not touched.}]
    hints: [Look at the pod., It is bad., Make it good.]
    solutions:
      - {name: write it, do: [echo good >$W/pod]}
      - {name: edit it, do: [sed -i s/bad/good/ $W/pod]}
    wrong:
      - {name: make all anew, do: [date +%N >$W/works; echo good >$W/pod]}
    debrief: It was bad.
`

func TestAChallengeThatWorksPassesItsTrialInEachOfItsWays(t *testing.T) {
	result := try(t, broken)
	var names []string
	for _, step := range result.Steps {
		names = append(names, step.Step)
	}
	if diff := cmp.Diff([]string{"make", "mend: write it", "mend: edit it", "mend: make all anew"}, names); result.Failure != "" || diff != "" {
		t.Errorf("%s\n%s", result.Failure, diff)
	}
}

func TestAPredictionOrAChallengeThatIsNotAsTheLabSaysIsFound(t *testing.T) {
	for name, test := range map[string]struct{ old, new, want string }{
		"a number that is not found":    {"number: 2,", "number: 3,", `the lab says "3", and measured was "2"`},
		"a choice that is not found":    {"number: 2, tolerance: 0.5,", "choices: [{say: one, found: ^1, right: true}, {say: two, found: ^2}],", `the lab says "one", and measured was "two"`},
		"a word that is not found":      {"number: 2, tolerance: 0.5,", "word: three,", `the lab says "three", and measured was "2"`},
		"a measure that fails":          {"ls $W | wc -l", "ls $W/nothing", "a measurement failed"},
		"a setup that fails":            {"setup: [", `setup: ["false", `, "set up mend"},
		"a fault that does no harm":     {"break: [echo bad >$W/pod]", `break: ["true"]`, "does not make its checks fail"},
		"a fault that touches":          {"break: [", "break: [echo >$W/works, ", "what must not be touched is not as it was"},
		"a solution that does not pass": {"do: [sed -i s/bad/good/ $W/pod]", "do: [sed -i s/bad/best/ $W/pod]", "it does not pass"},
		"a solution that touches":       {"do: [sed -i s/bad/good/ $W/pod]", "do: [echo >$W/works; sed -i s/bad/good/ $W/pod]", "it does not pass"},
		"a wrong way that passes":       {"do: [date +%N >$W/works; echo", "do: [echo", "it passes, and must not"},
		"what holds cannot fail":        {"do: [date +%N >$W/works; echo good >$W/pod]", "do: [echo worse >$W/pod]", "no wrong way makes it fail"},
		"something is left":             {"setup: [", `setup: ["touch $W/rest", `, "rest was not there before"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(broken, test.old) {
				t.Fatalf("the lab has no %q", test.old)
			}
			if result := try(t, strings.Replace(broken, test.old, test.new, 1)); !strings.Contains(result.Failure, test.want) {
				t.Errorf("want %q in:\n%s", test.want, result.Failure)
			}
		})
	}
}

// working is a student who works on the lab broken.
func working(t *testing.T) (keeper, *Checker) {
	t.Helper()
	all, err := Library{folder(broken)}.All()
	if err != nil {
		t.Fatal(err)
	}
	k, world := keeps(t, nil), t.TempDir()
	return k, &Checker{Lab: all[0], Shell: &Shell{Dir: t.TempDir(), Env: append(os.Environ(), "W="+world)}, Progress: k.Progress}
}

func TestAStepIsNotDoneWhileItsQuestionWaitsAndThenItIsMeasuredOnce(t *testing.T) {
	k, c := working(t)
	ctx, step := t.Context(), &c.Lab.Steps[0]
	look := func() Report {
		t.Helper()
		kept, err := k.Of(ctx, c.Lab.Name)
		k.does(err)
		report, err := c.look(ctx, step, kept)
		k.does(err)
		return report
	}
	k.does(c.enter(ctx, []Command{{Do: "touch $W/pod $W/other", Within: time.Minute}}))
	if report := look(); !report.Waits || report.Done || len(report.Checks) != 0 {
		t.Errorf("who has only pasted is done: %+v", report)
	}
	k.does(k.Predicted(ctx, c.Lab.Name, step.ID, []Answer{{Said: "1"}}))
	k.does(k.Predicted(ctx, c.Lab.Name, step.ID, []Answer{{Said: "2"}})) // no second guess
	if report := look(); report.Waits || !report.Done {
		t.Errorf("%+v", report)
	}
	k.does(c.enter(ctx, []Command{{Do: "touch $W/third", Within: time.Minute}}))
	look()
	kept, err := k.Of(ctx, c.Lab.Name)
	if diff := cmp.Diff([]Answer{{"1", "2"}}, kept.Said["make"]); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestAHintThatIsAskedForTenThousandTimesIsOpenOnce(t *testing.T) {
	k, ctx := keeps(t, nil), t.Context()
	for range 10_000 {
		k.does(k.Opened(ctx, "03-pods", "mend", 3))
	}
	kept, err := k.Of(ctx, "03-pods")
	if kept.Hints["mend"] != 3 || err != nil {
		t.Errorf("%+v, %v", kept, err)
	}
}

func TestAChallengeIsBegunSolvedAndBegunAnew(t *testing.T) {
	k, c := working(t)
	ctx, challenge := t.Context(), &c.Lab.Challenges[0]
	check := func() (Report, error) {
		kept, err := k.Of(ctx, c.Lab.Name)
		k.does(err)
		return c.Challenge(ctx, challenge, kept.Begun["mend"])
	}
	if _, err := check(); !errors.Is(err, ErrNotBegun) || !strings.Contains(err.Error(), "kube lab begin 03-pods mend") {
		t.Errorf("before it begins: %v", err)
	}
	for range 2 {
		k.does(c.Begin(ctx, challenge))
		if report, err := check(); report.Done || err != nil || report.Checks[0].Seen != "bad" || !report.Holds[0].Passed {
			t.Errorf("its fault: %+v, %v", report, err)
		}
		k.does(c.enter(ctx, challenge.Solutions[0].Do))
		if report, err := check(); !report.Done || err != nil {
			t.Errorf("solved: %+v, %v", report, err)
		}
	}
	k.is(c.Lab.Name, true, map[string]time.Time{})
	k.does(c.Reset(ctx))
	if _, err := check(); !errors.Is(err, ErrNotBegun) {
		t.Errorf("after a reset: %v", err)
	}
}

func TestAChallengeHasBegunWhenItsFaultShowsSoThatNobodyPassesByBeingQuick(t *testing.T) {
	k, c := working(t)
	challenge := &c.Lab.Challenges[0]
	challenge.Break = []Command{{Do: "true", Within: time.Minute}}
	pod := filepath.Join(c.Shell.Env[len(c.Shell.Env)-1][len("W="):], "pod")
	late := time.AfterFunc(500*time.Millisecond, func() { os.WriteFile(pod, []byte("bad"), 0o600) })
	defer late.Stop()
	k.does(c.Begin(t.Context(), challenge))
	kept, err := k.Of(t.Context(), c.Lab.Name)
	k.does(err)
	if report, err := c.Challenge(t.Context(), challenge, kept.Begun["mend"]); err != nil || report.Done {
		t.Errorf("it is done before anything was mended: %+v, %v", report, err)
	}
}

func TestWhoTakesEverythingAwayInTheMiddleOfAChallengeIsToldWhatToDo(t *testing.T) {
	k, c := working(t)
	ctx := t.Context()
	begun, err := c.begin(ctx, &c.Lab.Challenges[0], time.Minute)
	k.does(err)
	world := c.Shell.Env[len(c.Shell.Env)-1][len("W="):]
	k.does(os.RemoveAll(world))
	report, err := c.Challenge(ctx, &c.Lab.Challenges[0], begun)
	if err != nil || report.Done || report.Hint != touched || !strings.Contains(report.String(), "Begin the challenge anew") {
		t.Errorf("%v\n%s", err, report)
	}
}
