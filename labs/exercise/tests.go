package exercise

import (
	"context"
	"fmt"
	"go/ast"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Verdict is what became of one test.
type Verdict struct {
	Rule   string // the test's name as a sentence
	Passed bool
	Said   string // what it printed
	Waits  string // it came to this function, which is still empty; none: it failed otherwise
}

const (
	// testTerm is how long one test may take. Those of plans take milliseconds; a loop without end takes for ever.
	testTerm = 10 * time.Second
	// testMemory is how much address space a test may take, in KiB: a loop that only appends fills a machine in seconds.
	testMemory = 2 << 20
)

// Test runs the concept's own tests against the student's files, each by itself, so that one that panics does not hide the others,
// and tells each verdict as it comes. They are those of its plans, which need no cluster. After the first that has no end it
// stops: what one loop does to one rule it does to most, and each would take the whole term.
func (w Work) Test(ctx context.Context, tell func(Verdict)) error {
	dir, err := os.MkdirTemp("", "kube-exercise-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := w.started(); err != nil {
		return err
	}
	program := filepath.Join(dir, "tests")
	if err := w.compileTests(ctx, dir, program); err != nil {
		return err
	}
	names, err := w.tests()
	if err != nil {
		return err
	}
	gaps, err := w.Gaps()
	if err != nil {
		return err
	}
	for i, name := range names {
		said, passed := w.try(ctx, program, name)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		verdict, endless := w.judge(said, gaps)
		verdict.Rule, verdict.Passed = Sentence(name), passed
		tell(verdict)
		if endless && !passed {
			return fmt.Errorf("an endless loop, or a function that calls itself for ever: the other %d rules were not tried", len(names)-i-1)
		}
	}
	return nil
}

// compileTests compiles what the tests of the plans need, and no more. It is not optimized: an optimizer may leave nothing of a loop
// that could tell its line.
func (w Work) compileTests(ctx context.Context, dir, program string) error {
	unneeded, err := w.unneeded()
	if err != nil {
		return err
	}
	return w.compile(ctx, filepath.Join(dir, "overlay.json"), unneeded,
		"test", "-c", "-vet=off", "-gcflags=-N -l", "-o", program, "./"+w.room())
}

// try runs one test. On one processor, for that a loop stands still when the alarm comes and can be asked where it is.
func (w Work) try(ctx context.Context, program, name string) (said []byte, passed bool) {
	const limited = `ulimit -v "$0" && exec "$@"`
	command := exec.CommandContext(ctx, "sh", "-c", limited, fmt.Sprint(testMemory),
		program, "-test.run", "^"+name+"$", "-test.timeout", testTerm.String())
	command.Dir = filepath.Join(w.Source, w.room())
	command.Env = append(os.Environ(), "GOMAXPROCS=1")
	said, err := command.CombinedOutput()
	return said, err == nil
}

// tests are the names of the tests of the concept's plans, in their order.
func (w Work) tests() ([]string, error) {
	paths, err := filepath.Glob(w.reference("plan*_test.go"))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, path := range paths {
		file, err := w.parse(token.NewFileSet(), filepath.Base(path))
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
