//go:build linux

package labcommand

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"kubelab/labs/exercise"
)

// testExercise tells each verdict as it comes. Rules that wait for a function which is still empty all say the same, so
// they are told in the end, by that function.
func testExercise(ctx context.Context, out io.Writer, work exercise.Work) error {
	passed, all := 0, 0
	waiting := map[string][]string{} // by the function
	err := work.Test(ctx, func(v exercise.Verdict) {
		all++
		switch {
		case v.Passed:
			passed++
			fmt.Fprintf(out, "passed  %s\n", v.Rule)
		case v.Waits != "":
			waiting[v.Waits] = append(waiting[v.Waits], v.Rule)
		default:
			fmt.Fprintf(out, "FAILED  %s\n        %s\n", v.Rule, strings.ReplaceAll(v.Said, "\n", "\n        "))
		}
	})
	if err != nil {
		return err
	}
	if err := tellGaps(out, work, waiting); err != nil {
		return err
	}
	if passed < all {
		return fmt.Errorf("%d of %d rules hold", passed, all)
	}
	_, err = fmt.Fprintf(out, "All %d rules hold. Now: kube exercise run %s\n", all, work.Concept)
	return err
}

// tellGaps says which functions are still to be written, and what for.
func tellGaps(out io.Writer, work exercise.Work, waiting map[string][]string) error {
	gaps, err := work.Gaps()
	var later []string
	for _, gap := range gaps {
		place := filepath.Base(gap.Place)
		rules := waiting[gap.Function]
		if len(rules) == 0 {
			later = append(later, fmt.Sprintf("%s (%s)", gap.Function, place))
			continue
		}
		fmt.Fprintf(out, "\n%s for %s (%s):\n        %s\n", rulesWait(len(rules)), gap.Function, place, strings.Join(rules, "\n        "))
	}
	if len(later) > 0 {
		fmt.Fprintf(out, "\nStill empty, but no rule gets that far yet: %s\n", strings.Join(later, ", "))
	}
	return err
}

func rulesWait(n int) string {
	if n == 1 {
		return "1 rule waits"
	}
	return fmt.Sprintf("%d rules wait", n)
}

// progress is a line that tells what takes so long. On a terminal it is always the last one; elsewhere it is written once.
type progress struct {
	out      io.Writer
	terminal bool
	shown    bool
}

func newProgress(out io.Writer) *progress {
	file, ok := out.(*os.File)
	if !ok {
		return &progress{out: out}
	}
	info, err := file.Stat()
	return &progress{out: out, terminal: err == nil && info.Mode()&os.ModeCharDevice != 0}
}

func (p *progress) tell(what string) {
	switch {
	case p.terminal:
		fmt.Fprintf(p.out, "\r\033[K%.70s", what)
	case !p.shown:
		fmt.Fprintln(p.out, what)
	}
	p.shown = true
}

// clear makes place for what comes next.
func (p *progress) clear() {
	if p.terminal && p.shown {
		fmt.Fprint(p.out, "\r\033[K")
		p.shown = false
	}
}

// before clears the line before each writing to out.
func (p *progress) before(out io.Writer) io.Writer {
	return writerFunc(func(text []byte) (int, error) {
		p.clear()
		return out.Write(text)
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(text []byte) (int, error) { return f(text) }
