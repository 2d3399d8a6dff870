package chapters_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"kubelab/chapters"
	"kubelab/labs/exercise"
)

// written calls test with each chapter that has its file.
func written(t *testing.T, test func(t *testing.T, entry chapters.Entry, markdown string)) {
	for _, part := range chapters.Contents {
		for _, entry := range part.Chapters {
			if !chapters.Written(entry.Name) {
				continue
			}
			t.Run(entry.Name, func(t *testing.T) {
				text, err := chapters.Markdown(entry.Name)
				if err != nil {
					t.Fatal(err)
				}
				test(t, entry, string(text))
			})
		}
	}
}

func TestEveryReferenceOfEveryChapterIsResolved(t *testing.T) {
	written(t, func(t *testing.T, entry chapters.Entry, _ string) {
		if _, err := chapters.Open(entry.Name); err != nil {
			t.Error(err)
		}
	})
}

func TestTheGlossaryOpensAsAChapterDoes(t *testing.T) {
	page, err := chapters.Open("glossary")
	if err != nil {
		t.Fatal(err)
	}
	if page.Title != "Glossary" || page.Previous != "" || page.Next != "" || !strings.Contains(page.HTML, `<a href="10-scheduler.md">`) {
		t.Errorf("got %+v", page)
	}
}

// links of Markdown that lead to files of the repository.
var links = regexp.MustCompile(`\]\(([^)#]+)[^)]*\)`)

func TestEveryLinkLeadsToAFileOfTheRepository(t *testing.T) {
	check := func(t *testing.T, text string) {
		for _, link := range links.FindAllStringSubmatch(text, -1) {
			if strings.Contains(link[1], "://") {
				continue
			}
			if _, err := os.Stat(link[1]); err != nil {
				t.Errorf("%s leads nowhere: %v", link[1], err)
			}
		}
	}
	written(t, func(t *testing.T, _ chapters.Entry, text string) { check(t, text) })
	for _, file := range []string{"README.md", "glossary.md"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		check(t, string(text))
	}
}

func TestAChapterHasItsTitleItsTableAndThreeQuestionsWithAnswers(t *testing.T) {
	written(t, func(t *testing.T, entry chapters.Entry, text string) {
		if !strings.HasPrefix(text, "# "+entry.Title+"\n") {
			t.Errorf("does not begin with its title, %q", entry.Title)
		}
		if _, table, found := strings.Cut(text, "\n## What real Kubernetes does more\n"); !found || !strings.Contains(table, "| Kubernetes | here | left out, and why |") {
			t.Error("has no table \"What real Kubernetes does more\" with Kubernetes, here, left out and why")
		}
		_, questions, _ := strings.Cut(text, "\n## Can you answer?\n")
		if n := len(regexp.MustCompile(`(?m)^\d\. `).FindAllString(questions, -1)); n != 3 {
			t.Errorf("asks %d questions at its end, want 3", n)
		}
		if n := strings.Count(questions, "\n\n   <details><summary>Answer</summary>\n\n"); n != 3 || n != strings.Count(questions, "\n\n   </details>\n") {
			t.Errorf("answers %d questions, want 3, each folded away", n)
		}
		if paragraphs := strings.Split(strings.TrimSpace(text), "\n\n"); !strings.HasPrefix(paragraphs[len(paragraphs)-1], "You can now ") {
			t.Error("does not end with what one can do now")
		}
	})
}

func TestAChapterTakesMinutesToRead(t *testing.T) {
	written(t, func(t *testing.T, _ chapters.Entry, text string) {
		if n := len(strings.Fields(text)); n < 1000 || n > 2400 {
			t.Errorf("has %d words, want 1,000 to 2,400", n)
		}
	})
}

func TestNoFileIsMissingInTheContents(t *testing.T) {
	files, err := filepath.Glob("[0-9]*.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, part := range chapters.Contents {
		for _, entry := range part.Chapters {
			listed[entry.Name+".md"] = true
		}
	}
	for _, file := range files {
		if !listed[file] {
			t.Errorf("%s is in no part of the book", file)
		}
	}
}

func TestTheReadmeListsTheBookAsItIs(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range chapters.Contents {
		for _, entry := range part.Chapters {
			line := entry.Name[:2] + " " + entry.Title
			if chapters.Written(entry.Name) {
				line = "[" + line + "](" + entry.Name + ".md)"
			} else {
				line += " (coming)"
			}
			if !strings.Contains(string(text), "- "+line+"\n") {
				t.Errorf("README.md has no line %q", "- "+line)
			}
		}
	}
}

func TestASymbolIsQuotedFromTheSourceWithItsComment(t *testing.T) {
	tests := map[string]struct{ file, first string }{
		"kube/trace: func Chain":                   {"kube/trace/plan.go", "// Chain picks"},
		"kube/trace: type Step":                    {"kube/trace/step.go", "// Step is"},
		"kube/trace: func (*Recorder) Record":      {"kube/trace/recorder.go", "// Record completes"},
		"kube/trace: const Path":                   {"kube/trace/recorder.go", "// Path is"},
		"kube/containers/shim: type no such thing": {"kube/trace/step.go", ""},
		"kube/trace: func Nonesuch":                {"kube/trace/plan.go", ""},
		"kube/store: func Chain":                   {"kube/trace/plan.go", ""},
		"kube/trace: signature of func Nonesuch":   {"kube/trace/plan.go", ""},
	}
	for text, test := range tests {
		snippet, err := chapters.Find(text, test.file)
		if test.first == "" {
			if err == nil {
				t.Errorf("%s was found: %+v", text, snippet)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if !strings.HasPrefix(snippet.Text, test.first) || snippet.Line < 2 {
			t.Errorf("%s begins at line %d with %.40q, want %q", text, snippet.Line, snippet.Text, test.first)
		}
	}
}

func TestASignatureIsAFunctionWithoutItsBody(t *testing.T) {
	snippet, err := chapters.Find("kube/replicasets: signature of func Decide", "kube/replicasets/plan.go")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(snippet.Text, "// Decide compares") || !strings.HasSuffix(snippet.Text, "now time.Time) Plan") {
		t.Errorf("got %q", snippet.Text)
	}
}

// quotes are the links that show a symbol, with its package, kind and name.
var quotes = regexp.MustCompile(`(?m)^ *\[kube/([a-z/]+): ((?:signature of )?\w+) ([^\]]+)\]\(`)

func TestNoChapterPrintsWhatAnExerciseAsksFor(t *testing.T) {
	asked := map[string]bool{}
	for _, e := range exercise.All {
		for _, file := range e.Files {
			for _, function := range file.Functions {
				asked[e.Concept+" "+strings.Replace(function, ").", ") ", 1)] = true
			}
		}
	}
	written(t, func(t *testing.T, _ chapters.Entry, text string) {
		for _, quote := range quotes.FindAllStringSubmatch(text, -1) {
			if quote[2] == "func" && asked[quote[1]+" "+quote[3]] {
				t.Errorf("shows %s of %s, which an exercise asks for: write \"signature of func\", and the rule in words", quote[3], quote[1])
			}
		}
	})
}

func TestAPageShowsTheCodeInThePlaceOfTheLink(t *testing.T) {
	page, err := chapters.Render("Look:\n\n[kube/trace: type Root](../kube/trace/step.go)\n\nIt is in `kube/trace/step.go`. <script>alert(1)</script>\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`<figure class="source"><figcaption><a href="#source=kube/trace/step.go:`, "type Root string", `<a href="#source=kube/trace/step.go"><code>`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %q:\n%s", want, page)
		}
	}
	if strings.Contains(page, "<script") {
		t.Errorf("the page lets raw HTML through:\n%s", page)
	}
	if _, err := chapters.Render("`kube/trace/nonesuch.go`"); err == nil {
		t.Error("a path that leads nowhere was accepted")
	}
}

func TestOnlyAnAnswerIsFoldedAndNoOtherHTMLComesThrough(t *testing.T) {
	page, err := chapters.Render("1. Why?\n\n   <details><summary>Answer</summary>\n\n   Because *so*.\n\n   </details>\n\n<details onclick=\"alert(1)\"><summary>Answer</summary>\n\nx\n\n<iframe></iframe>\n")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(page, "<details><summary>Answer</summary>\n<p>Because <em>so</em>.</p>\n</details>") {
		t.Errorf("the answer is not folded:\n%s", page)
	}
	if strings.Contains(page, "onclick") || strings.Contains(page, "iframe") {
		t.Errorf("other HTML came through:\n%s", page)
	}
}
