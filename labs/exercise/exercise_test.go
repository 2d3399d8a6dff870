package exercise

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// each runs a test for every exercise, in a folder that a student has just begun with.
func each(t *testing.T, test func(t *testing.T, w Work)) {
	source, err := FindSource("", ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, exercise := range All {
		t.Run(exercise.Concept, func(t *testing.T) {
			w := Work{Exercise: exercise, Dir: filepath.Join(t.TempDir(), exercise.Concept), Source: source}
			if err := w.Start(false); err != nil {
				t.Fatal(err)
			}
			test(t, w)
		})
	}
}

// verdicts runs the tests of an exercise, and counts.
func verdicts(t *testing.T, w Work) (passed int, failed []Verdict) {
	t.Helper()
	if err := w.Test(t.Context(), func(v Verdict) {
		if v.Passed {
			passed++
		} else {
			failed = append(failed, v)
		}
	}); err != nil {
		t.Fatal(err)
	}
	return passed, failed
}

// solve puts the reference into the student's files.
func solve(t *testing.T, w Work) {
	t.Helper()
	for _, file := range w.Files {
		source, err := os.ReadFile(w.reference(file.Name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(w.own(file.Name), source, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// named is the exercise of a concept.
func named(t *testing.T, concept string) Exercise {
	t.Helper()
	exercise, err := Find(concept)
	if err != nil {
		t.Fatal(err)
	}
	return exercise
}

func TestAnExerciseCompilesAndFailsAsItIsGivenAndSaysTheRule(t *testing.T) {
	each(t, func(t *testing.T, w Work) {
		_, failed := verdicts(t, w)
		if len(failed) == 0 {
			t.Fatal("nothing fails: there is nothing to do")
		}
		place := "at " + w.own("plan") // plan.go or plan_sizes.go
		if said := failed[0].Said; !strings.Contains(said, "your turn: ") || !strings.Contains(said, place) || strings.Count(said, "\n") != 1 {
			t.Errorf("%q says:\n%s", failed[0].Rule, failed[0].Said)
		}
		for _, v := range failed {
			if v.Waits == "" {
				t.Errorf("%q fails, and waits for no function: %s", v.Rule, v.Said)
			}
		}
		functions := 0
		for _, file := range w.Files {
			functions += len(file.Functions)
		}
		if gaps, err := w.Gaps(); err != nil || len(gaps) != functions {
			t.Errorf("%v are empty, want %d functions: %v", gaps, functions, err)
		}
	})
}

func TestTheReferenceSolvesAnExercise(t *testing.T) {
	each(t, func(t *testing.T, w Work) {
		solve(t, w)
		if passed, failed := verdicts(t, w); len(failed) > 0 || passed < 5 {
			t.Errorf("%d pass, and these fail: %+v", passed, failed)
		}
		if gaps, err := w.Gaps(); err != nil || len(gaps) > 0 {
			t.Errorf("%v are empty: %v", gaps, err)
		}
		var difference bytes.Buffer
		if err := w.Diff(t.Context(), &difference); err != nil || difference.Len() > 0 {
			t.Errorf("%v\n%s", err, difference.String())
		}
	})
}

func TestAStudentsWorkIsNeverLost(t *testing.T) {
	each(t, func(t *testing.T, w Work) {
		own := w.own(w.Files[0].Name)
		for _, text := range []string{"first", "second"} {
			if err := os.WriteFile(own, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := w.Start(false); err == nil || !strings.Contains(err.Error(), "--force") {
				t.Errorf("begins again without being told to: %v", err)
			}
			if err := w.Start(true); err != nil {
				t.Fatal(err)
			}
			if content, err := os.ReadFile(own + map[string]string{"first": ".1", "second": ".2"}[text]); err != nil || string(content) != text {
				t.Errorf("kept %q: %v", content, err)
			}
		}
	})
}

func TestWhatWasNotBegunSaysHow(t *testing.T) {
	source, err := FindSource("", ".")
	if err != nil {
		t.Fatal(err)
	}
	w := Work{Exercise: named(t, "scheduler"), Dir: t.TempDir(), Source: source}
	if err := w.Test(t.Context(), func(Verdict) {}); err == nil || !strings.Contains(err.Error(), "kube exercise start "+w.Concept) {
		t.Error(err)
	}
	if _, err := FindSource("", t.TempDir()); err == nil || !strings.Contains(err.Error(), "--source") {
		t.Error(err)
	}
}

func TestAFunctionIsEmptiedToItsRuleAndItsImportsGo(t *testing.T) {
	const whole = `package p

import (
	"fmt"
	"math/rand/v2"
	str "strings"
)

// Twice says it twice. Nobody knows why.
func Twice(s string) string {
	// how
	return str.Repeat(s, 2)
}

// Once stays.
func Once(s string) string { return fmt.Sprint(s) }

// Roll is by chance.
func (t *T) Roll() int { return rand.Int() }

type T struct{}
`
	const emptied = `package p

import (
	"fmt"
)

// Twice says it twice. Nobody knows why.
func Twice(s string) string {
	panic("your turn: Twice says it twice.")
}

// Once stays.
func Once(s string) string { return fmt.Sprint(s) }

// Roll is by chance.
func (t *T) Roll() int {
	panic("your turn: Roll is by chance.")
}

type T struct{}
`
	got, err := Empty([]byte(whole), []string{"Twice", "(*T).Roll"})
	if diff := cmp.Diff(emptied, string(got)); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if _, err := Empty([]byte(whole), []string{"Thrice"}); err == nil {
		t.Error("a function that is not there was emptied")
	}
	if _, err := Empty([]byte("package p\n\nfunc Dumb() {}\n"), []string{"Dumb"}); err == nil || !strings.Contains(err.Error(), "Dumb has no comment") {
		t.Errorf("a function that does not say its rule was emptied: %v", err)
	}
}

func TestATestsNameBecomesASentence(t *testing.T) {
	for name, want := range map[string]string{
		"TestAPodStaysWhereItIs":              "A pod stays where it is",
		"TestANodeNamesAllThatItHas":          "A node names all that it has",
		"TestOfTieThePodsUIDPicksOne":         "Of tie the pods UID picks one",
		"TestAReplicaSetOfAnotherIsLeftAlone": "A ReplicaSet of another is left alone",
		"TestThe2NodesAreFull":                "The 2 nodes are full",
		"TestCPUCounts":                       "CPU counts",
		"TestItReadsTheAPI":                   "It reads the API",
	} {
		if got := Sentence(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
