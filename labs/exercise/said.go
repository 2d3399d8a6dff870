package exercise

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
)

// Gap is a function that the student has not written yet.
type Gap struct {
	Function string
	Place    string // FILE:LINE
}

// Gaps are those functions that are still as the exercise began, in its order.
func (w Work) Gaps() ([]Gap, error) {
	var gaps []Gap
	for _, file := range w.Files {
		positions := token.NewFileSet()
		parsed, err := parser.ParseFile(positions, w.own(file.Name), nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, name := range file.Functions {
			for _, declaration := range parsed.Decls {
				if nameOf(declaration) != name {
					continue
				}
				if at := turnOf(declaration.(*ast.FuncDecl)); at != token.NoPos {
					gaps = append(gaps, Gap{name, fmt.Sprintf("%s:%d", w.own(file.Name), positions.Position(at).Line)})
				}
			}
		}
	}
	return gaps, nil
}

// turnOf is where in a function the text is that [Empty] put there; nowhere: somebody wrote the function.
func turnOf(function *ast.FuncDecl) (at token.Pos) {
	ast.Inspect(function, func(node ast.Node) bool {
		if text, ok := node.(*ast.BasicLit); ok && strings.HasPrefix(text.Value, `"`+yourTurn) {
			at = text.Pos()
		}
		return true
	})
	return at
}

// judge reads what a test printed. endless: it did not come to an end by itself.
func (w Work) judge(printed []byte, gaps []Gap) (v Verdict, endless bool) {
	said, place := w.read(printed)
	for _, gap := range gaps {
		if gap.Place == place {
			v.Waits = gap.Function
		}
	}
	if without := endlessness(said); without != "" {
		said, endless = []string{without}, true
	}
	if place != "" {
		said = append(said, "at "+place)
	}
	v.Said = strings.Join(said, "\n")
	return v, endless
}

// endlessness says what a test that has no end was stopped for; empty: it has one.
func endlessness(said []string) string {
	for _, line := range said {
		switch {
		case strings.HasPrefix(line, "panic: test timed out"):
			return fmt.Sprintf("has not ended after %v", testTerm)
		case line == "fatal error: out of memory", line == "fatal error: stack overflow":
			return fmt.Sprintf("takes more than %d GiB of memory", testMemory>>20)
		}
	}
	return ""
}

// read takes out of a test's output what says nothing to a student: the frame of the test program, and of a panic all but
// what it says, and where in the student's files it happened.
func (w Work) read(printed []byte) (said []string, place string) {
	traced := false
	for raw := range strings.Lines(string(printed)) {
		line := strings.TrimSpace(raw)
		traced = traced || strings.HasPrefix(line, "goroutine ") || line == "runtime stack:"
		switch {
		case traced:
			if place = w.place(line); place != "" {
				return said, place
			}
		case line == "PASS" || line == "FAIL" || line == "" || strings.Contains(line, "--- FAIL"):
		default:
			raw = strings.TrimPrefix(strings.TrimRight(raw, " \n"), "    ") // the frame's; what a difference is set in by stays
			said = append(said, strings.TrimSuffix(raw, " [recovered, repanicked]"))
		}
	}
	return said, place
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
