package labs

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"kubelab/chapters"
)

// folder is a file system with one lab.
func folder(text string) fstest.MapFS {
	return fstest.MapFS{"03-pods/lab.yaml": {Data: []byte(text)}, "03-pods/web.yaml": {Data: []byte("kind: Pod\n")}}
}

const head = "title: Pods\nminutes: 5\nreset: []\nsteps:\n"

// step is a step of the least that one needs, and what else is given.
func step(id string, more ...string) string {
	return fmt.Sprintf("  - id: %s\n    title: Do\n    text: This.\n    run: [touch %s]\n    check: [test -e %s]\n", id, id, id) +
		strings.Join(more, "")
}

// mend is a challenge of the least that one needs, with a change of it.
func mend(old, new string) string {
	text := "challenges:\n  - id: mend\n    title: Mend\n    text: This.\n    break: [x]\n    check: [x]\n    hints: [a, b, c]\n    solutions: [{name: a, do: [x]}, {name: b, do: [y]}]\n    debrief: That.\n"
	return strings.Replace(text, old, new, 1)
}

func line(format string, values ...any) string { return "    " + fmt.Sprintf(format, values...) + "\n" }

func TestALabSaysWithFileAndLineWhatIsWrongInIt(t *testing.T) {
	for text, want := range map[string]string{
		head + step("one", line("chekc: [true]")):                                                                                     `:10: step "one": unknown field chekc; did you mean check?`,
		head + step("one", line("view: pot")):                                                                                         ":10: unknown view pot; did you mean pod?",
		head + step("one", line("view: universe")):                                                                                    ":10: unknown view universe; known are cluster, container,",
		head + step("one", line("view: pod"), line("object: web")):                                                                    `:11: object "web": write RESOURCE/NAMESPACE/NAME`,
		head + step("one", line("object: pods/default/web")):                                                                          `:5: step "one" has an object and no view`,
		head + step("one") + step("one"):                                                                                              `:10: id "one": an earlier step has it`,
		head + step("One"):                                                                                                            `:5: id "One": want small letters`,
		head + step("one", line("needs: [tow]")) + step("two"):                                                                        `:10: needs "tow": no earlier step has this id`,
		head + step("one", line("needs: [two]")) + step("two"):                                                                        `:10: needs "two": no earlier step has this id`,
		head + step("one") + step("two", line("needs: [oen]")):                                                                        `:15: needs "oen": no earlier step has this id; did you mean one?`,
		head + step("one", line("needs: [one]")):                                                                                      `:10: needs "one": no earlier step`,
		head + step("one", line("title: Again")):                                                                                      `:10: step "one": title is there twice`,
		head + step("one", line("hint: {when: '(', say: No.}")):                                                                       ":10: error parsing regexp",
		head + step("one", line("hint: {when: x}")):                                                                                   ":10: a hint has either say",
		head + step("one", line("hint: {say: x, run: y}")):                                                                            ":10: a hint has either say",
		head + step("one", line("observe: maybe")):                                                                                    `:10: "maybe" is neither true nor false`,
		head + step("one", line("holds: [{run: x}]")):                                                                                 ":10: what holds has no worse",
		head + step("one", line("holds: [{run: x, worse: []}]")):                                                                      ":10: worse is empty",
		head + step("one", line("holds: {run: x}")):                                                                                   ":10: want a list, have fields",
		head + step("one", line("text:")):                                                                                             ":10: step \"one\": text is there twice",
		head + strings.Replace(step("one"), "This.", "", 1):                                                                           ":7: want a text, have nothing",
		head + strings.Replace(step("one"), "[test -e one]", "[]", 1):                                                                 `:5: step "one": check is empty`,
		head + strings.Replace(step("one"), "    check: [test -e one]\n", "", 1):                                                      `:5: step "one" has no check`,
		head + strings.Replace(step("one"), "    run: [touch one]\n", "", 1):                                                          `:5: step "one" has no run`,
		head + strings.Replace(step("one"), "touch one", "{do: x, fials: true}", 1):                                                   ":8: the command: unknown field fials; did you mean fails?",
		head + strings.Replace(step("one"), "test -e one", "{run: x, within: 5}", 1):                                                  ":9: time: missing unit in duration",
		head + strings.Replace(step("one"), "test -e one", "{run: x, within: 5h}", 1):                                                 ":9: 5h is not between nothing and 10m0s: write 30s",
		head + strings.Replace(step("one"), "test -e one", "{run: x, matches: '[', within: 5s}", 1):                                   ":9: error parsing regexp",
		head + strings.Replace(step("one"), "test -e one", "{run: x, matches: a, expect: b}", 1):                                      ":9: expect is the exact text",
		head + strings.Replace(step("one"), "test -e one", "{run: x, expect: }", 1):                                                   `:9: want a text, have nothing (nothing is written "")`,
		head + strings.Replace(step("one"), "test -e one", "{expect: x}", 1):                                                          ":9: the check has no run",
		"title: Pods\nminutes: soon\nreset: []\nsteps:\n" + step("one"):                                                               `:2: "soon" is no number of minutes`,
		"title: Pods\nminutes: 5\nsteps:\n" + step("one"):                                                                             ":1: the lab has no reset",
		"title: &a Pods\nminutes: 5\nreset: []\nchapter: *a\nsteps:\n" + step("one"):                                                  ":4: want a text, have an alias (write it out)",
		head + step("one", line("predict: {ask: x, word: y}")):                                                                        ":10: the prediction has no measure",
		head + step("one", line("predict: {ask: x, measure: y}")):                                                                     ":10: the prediction is answered by one of these: choices, a number or a word; here are 0",
		head + step("one", line("predict: {ask: x, word: y, number: 3, tolerance: 1, measure: z}")):                                   ":10: the prediction is answered by one of these: choices, a number or a word; here are 2",
		head + step("one", line("predict: {ask: x, word: y, unit: s, measure: z}")):                                                   ":10: tolerance and unit go with a number",
		head + step("one", line("predict: {ask: x, number: 3, measure: z}")):                                                          ":10: the number has no tolerance",
		head + step("one", line("predict: {ask: x, number: three, tolerance: 1, measure: z}")):                                        `:10: "three" is no number`,
		head + step("one", line("predict: {ask: x, word: y, measure: {run: z, expect: y}}")):                                          ":10: a measure expects nothing",
		head + step("one", line("predict: {word: y, measure: z}")):                                                                    ":10: the prediction has no ask",
		head + step("one", line("predict: []")):                                                                                       ":10: predict is empty",
		head + step("one", line("predict: [{ask: x, measure: z, choices: [{say: a, found: a}, {say: b, found: b}]}]")):                ":10: one choice must be marked with right: true, and here are 0",
		head + step("one", line("predict: [{ask: x, measure: z, choices: [{say: a, found: a, right: true}]}]")):                       ":10: want at least two choices, have 1",
		head + step("one", line("predict: [{ask: x, measure: z, choices: [{say: a, found: a, right: true}, {say: b}]}]")):             ":10: the choice has no found",
		head + step("one", line("predict: [{ask: x, measure: z, choices: [{say: a, found: a, rihgt: true}, {say: b, found: b}]}]")):   ":10: the choice: unknown field rihgt; did you mean right?",
		head + step("one", line("predict: [{ask: x, measure: z, choices: [{say: a, found: '[', right: true}, {say: b, found: b}]}]")): ":10: error parsing regexp",
		head + step("one", line("hints: [a, b]")):                                                                                     `:10: step "one": want three hints, have 2`,
		head + step("one", line("faded: true"), line("hints: [a, b, c]")):                                                             `:11: step "one": want two hints, have 3`,
		head + step("one", line("faded: true")):                                                                                       `:5: step "one": want two hints, have 0`,
		head + step("one") + mend("hints: [a, b, c]", "hints: [a, b]"):                                                                `:16: challenge "mend": want three hints, have 2`,
		head + step("one") + mend("    solutions: [{name: a, do: [x]}, {name: b, do: [y]}]\n", ""):                                    `:11: challenge "mend" has no solutions`,
		head + step("one") + mend(", {name: b, do: [y]}]", "]"):                                                                       `:17: challenge "mend": want at least two solutions, have 1`,
		head + step("one") + mend("do: [x]", "do: []"):                                                                                ":17: do is empty",
		head + step("one") + mend("break: [x]", "break: []"):                                                                          `:14: challenge "mend": break is empty: nothing would be wrong`,
		head + step("one") + mend("check: [x]", "check: []"):                                                                          `:15: challenge "mend": check is empty`,
		head + step("one") + mend("check: [x]", "check: [x]\n    holds: [y]"):                                                         `:16: challenge "mend": nothing proves that what holds can fail`,
		head + step("one") + mend("    debrief: That.\n", ""):                                                                         `:11: challenge "mend" has no debrief`,
		head + step("mend") + mend("", ""):                                                                                            `:11: id "mend": an earlier step has it`,
		head + "  []\n":                                                                                                               ":5: a lab without steps is none",
		head + "  - two\n":                                                                                                            ":5: step without id: want fields (check, faded, hint,",
		"title: [":                                                                                                                    ":1: did not find expected",
		"title: x\n  y: z\n":                                                                                                          ":2: mapping values are not allowed",
		"":                                                                                                                            ":1: the file is empty",
		"- a\n":                                                                                                                       ":1: the lab: want fields (challenges, chapter, minutes, reset, steps, title), have a list",
	} {
		_, err := Library{folder(text)}.All()
		if err == nil || !strings.Contains(err.Error(), "labs/03-pods/lab.yaml"+want) {
			t.Errorf("%s\nsays: %v\nwant: %s", text, err, want)
		}
	}
}

func TestAllThatIsWrongInALabIsSaidAtOnceAndOnce(t *testing.T) {
	_, err := Library{folder(head + step("one", line("view: pot"), line("object: pods/web"), line("chekc: []")))}.All()
	if err == nil || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("want two problems: %v", err)
	}
	var first Problem
	if !errors.As(err, &first) || first.Line != 10 {
		t.Errorf("want a problem in line 10: %+v", first)
	}
}

func TestALabThatIsWrongTakesNoOtherAway(t *testing.T) {
	two := folder(head + step("one"))
	two["04-broken/lab.yaml"] = &fstest.MapFile{Data: []byte(head + step("one", line("chekc: []")))}
	good, err := Library{two}.All()
	if len(good) != 1 || good[0].Name != "03-pods" || err == nil || !strings.Contains(err.Error(), "labs/04-broken/lab.yaml:10") {
		t.Errorf("%v: %v", good, err)
	}
	if _, err := (Library{two}).Open("03-pods"); err != nil {
		t.Error(err)
	}
}

func TestAFolderWithoutALabIsRefused(t *testing.T) {
	_, err := Library{fstest.MapFS{"03-pods/web.yaml": {}}}.All()
	if err == nil || !strings.Contains(err.Error(), "labs/03-pods: a lab needs a lab.yaml") {
		t.Error(err)
	}
}

func TestAStepNeedsTheOneBeforeUnlessItSaysOtherwise(t *testing.T) {
	all, err := Library{folder(head + step("one") + step("two") + step("three", line("needs: [one]")) + step("four", line("needs: []")))}.All()
	if err != nil {
		t.Fatal(err)
	}
	var needs [][]string
	for _, s := range all[0].Steps {
		needs = append(needs, s.Needs)
	}
	if diff := cmp.Diff([][]string{{}, {"one"}, {"one"}, {}}, needs); diff != "" {
		t.Error(diff)
	}
}

func TestWhatALabLeavesOutHasADefault(t *testing.T) {
	all, err := Library{folder(head + step("one", line("hint: Look again."), line("holds: [{run: x, expect: 3, worse: [y]}]")))}.All()
	if err != nil {
		t.Fatal(err)
	}
	got, three := all[0].Steps[0], "3"
	want := Step{
		ID: "one", Title: "Do", Text: "This.", Needs: []string{}, Hint: []Hint{{Say: "Look again."}},
		Run: []Command{{Do: "touch one", Within: 2 * time.Minute}}, Check: []Check{{Run: "test -e one", Within: 10 * time.Second}},
		Holds: []Hold{{Check: Check{Run: "x", Expect: &three, Within: 10 * time.Second}, Worse: []Command{{Do: "y", Within: 2 * time.Minute}}}},
	}
	if diff := cmp.Diff(want, got); diff != "" || all[0].Chapter != "03-pods" {
		t.Errorf("chapter %s (-want +got):\n%s", all[0].Chapter, diff)
	}
}

func TestEveryLabOfTheProgramBelongsToAChapterAndMakesAPage(t *testing.T) {
	all, err := Ours.All()
	if err != nil || len(all) == 0 {
		t.Fatalf("%d labs: %v", len(all), err)
	}
	known := map[string]bool{}
	for _, part := range chapters.Contents {
		for _, entry := range part.Chapters {
			known[entry.Name] = true
		}
	}
	for _, lab := range all {
		if !known[lab.Chapter] {
			t.Errorf("%s belongs to the chapter %s, which the book does not have", lab.Name, lab.Chapter)
		}
		page, err := lab.Page(Kept{Done: map[string]time.Time{lab.Steps[0].ID: time.Now()}})
		if err != nil || !page.Steps[0].Done || page.Steps[len(page.Steps)-1].Done {
			t.Errorf("%s: want a page with the first step done and the last not: %v", lab.Name, err)
		}
	}
	if _, err := Ours.Open("03-pots"); !errors.Is(err, ErrUnknown) || !strings.Contains(err.Error(), "did you mean 03-pods?") {
		t.Error(err)
	}
}

func FuzzLoadNeverPanicsAndWhatItAcceptsCanBeUsed(f *testing.F) {
	f.Add(head + step("one", line("view: pod"), line("object: pods/default/web"), line("hint: [{when: x, run: y}, z]")))
	f.Add(head + step("one", line("holds: [{run: x, matches: '^a', worse: [y], mend: []}]")) + step("two", line("needs: []"), line("observe: true")))
	f.Add(head + step("one", line("predict: [{ask: x, measure: z, choices: [{say: a, found: a, right: true}, {say: b, found: b}]}, {ask: x, measure: z, number: 3, tolerance: 1}]")) + mend("", ""))
	f.Add("a: &a [*a]\n<<: *a\n")
	f.Fuzz(func(t *testing.T, text string) {
		all, err := Library{folder(text)}.All()
		if err != nil {
			return
		}
		ids := map[string]bool{}
		for _, s := range all[0].Steps {
			if ids[s.ID] || s.ID == "" || len(s.Check) == 0 || s.Check[0].Within <= 0 {
				t.Errorf("accepted: %+v", s)
			}
			for _, need := range s.Needs {
				if !ids[need] {
					t.Errorf("%s needs %s, which does not come before", s.ID, need)
				}
			}
			ids[s.ID] = true
			for _, q := range s.Predict {
				if q.expected() == "" && q.Choices == nil || q.Measure.Within <= 0 {
					t.Errorf("accepted: %+v", q)
				}
			}
		}
		for _, c := range all[0].Challenges {
			if len(c.Check) == 0 || len(c.Solutions) < 2 || len(c.Hints) != 3 {
				t.Errorf("accepted: %+v", c)
			}
		}
	})
}
