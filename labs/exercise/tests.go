package exercise

import (
	"bufio"
	"bytes"
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
	"unicode"
)

// Verdict is what became of one test.
type Verdict struct {
	Rule   string // the test's name as a sentence
	Passed bool
	Said   string // what it printed
}

// testTerm is how long one test may take. Those of plans take milliseconds; a loop without end takes for ever.
const testTerm = 10 * time.Second

// Test runs the concept's own tests against the student's files, each by itself, so that one that panics does not hide the others,
// and tells each verdict as it comes. They are those of its plans, which need no cluster.
func (w Work) Test(ctx context.Context, tell func(Verdict)) (err error) {
	dir, err := os.MkdirTemp("", "kube-exercise-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	names, err := w.tests()
	if err != nil {
		return err
	}
	program := filepath.Join(dir, "tests")
	if err := w.compile(ctx, filepath.Join(dir, "overlay.json"), "test", "-c", "-o", program, "./"+w.room()); err != nil {
		return err
	}
	for _, name := range names {
		command := exec.CommandContext(ctx, program, "-test.run", "^"+name+"$", "-test.timeout", testTerm.String())
		command.Dir = filepath.Join(w.Source, w.room())
		said, err := command.CombinedOutput()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		tell(Verdict{Sentence(name), err == nil, w.clean(said)})
	}
	return nil
}

// tests are the names of the tests of the concept's plans, in their order.
func (w Work) tests() ([]string, error) {
	paths, err := filepath.Glob(w.reference("plan*_test.go"))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, path := range paths {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, declaration := range file.Decls {
			if f, ok := declaration.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Test") && f.Name.Name != "TestMain" {
				names = append(names, f.Name.Name)
			}
		}
	}
	return names, nil
}

// clean takes out of a test's output what says nothing to a student: the frame of the test program, and of a panic all but
// what it says and where in the student's files it happened.
func (w Work) clean(said []byte) string {
	var kept []string
	panicked, found := false, false
	for lines := bufio.NewScanner(bytes.NewReader(said)); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		panicked = panicked || strings.HasPrefix(line, "goroutine ")
		switch {
		case line == "PASS" || line == "FAIL" || line == "" || strings.Contains(line, "--- FAIL"):
		case !panicked:
			kept = append(kept, strings.TrimSuffix(line, " [recovered, repanicked]"))
		case !found:
			if at := w.place(line); at != "" {
				kept, found = append(kept, "at "+at), true
			}
		}
	}
	return strings.Join(kept, "\n")
}

// place is where in the student's files a line of a stack trace is; empty: elsewhere.
func (w Work) place(line string) string {
	for _, file := range w.Files {
		if number, ours := strings.CutPrefix(line, w.reference(file.Name)+":"); ours {
			number, _, _ = strings.Cut(number, " ")
			return w.own(file.Name) + ":" + number
		}
	}
	return ""
}

// kinds are words of one piece that have capitals inside.
var kinds = strings.NewReplacer("replica set", "ReplicaSet", "config map", "ConfigMap", "endpoint slice", "EndpointSlice")

// Sentence makes the rule out of a test's name: TestAPodStaysWhereItIs says that a pod stays where it is.
func Sentence(name string) string {
	letters := []rune(strings.TrimPrefix(name, "Test"))
	var sentence strings.Builder
	for i, letter := range letters {
		starts := unicode.IsUpper(letter) || unicode.IsDigit(letter) && !unicode.IsDigit(letters[max(i-1, 0)])
		// In a row of capitals the last one starts a word if small letters follow: APod is "a pod", UID stays.
		inRow := i > 0 && unicode.IsUpper(letter) && unicode.IsUpper(letters[i-1]) && (i+1 == len(letters) || !unicode.IsLower(letters[i+1]))
		if i > 0 && starts && !inRow {
			sentence.WriteByte(' ')
		}
		acronym := i+1 < len(letters) && unicode.IsUpper(letters[i+1]) && (i+2 == len(letters) || !unicode.IsLower(letters[i+2])) || inRow
		if i > 0 && !acronym {
			letter = unicode.ToLower(letter)
		}
		sentence.WriteRune(letter)
	}
	return kinds.Replace(sentence.String())
}
