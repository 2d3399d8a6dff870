package labs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"kubelab/kube/fsuser"
)

// Trial does labs as a student would, without one: it proves that they work, and that they can fail.
type Trial struct {
	Env     []string // of the commands; see [Environment]
	Cluster Cluster
	Say     io.Writer // what is going on, line by line
	Force   bool      // whatever there is in the cluster: a lab may change it, or take it away
	Steps   bool      // only the steps, without the challenges

	terms terms // zero: the usual ones
}

// ErrInTheWay is the error for a cluster in which people keep something that a lab could spoil.
var ErrInTheWay = errors.New("labs work in the namespace default, and could change or take away what is there")

// Cluster is looked at before a lab and after it. An [Inventory] is one.
type Cluster interface {
	Objects(ctx context.Context) ([]string, error) // the names of all
	Ailing(ctx context.Context) ([]string, error)  // what is not as it should be, in words
}

// Result is how a lab went.
type Result struct {
	Lab     string       `json:"lab"`
	Seconds float64      `json:"seconds"`
	Steps   []StepResult `json:"steps"`             // and each challenge in each of its ways
	Failure string       `json:"failure,omitempty"` // with its evidence; empty: the lab works
}

// StepResult is how a step went.
type StepResult struct {
	Step    string  `json:"step"`
	Seconds float64 `json:"seconds"`
	Failure string  `json:"failure,omitempty"`
}

// terms are how long a cluster may take.
type terms struct {
	settle time.Duration // from the commands of a step until its checks pass
	worse  time.Duration // until a worse fault shows
	wrong  time.Duration // that a wrong way is watched: it must not pass
}

var usualTerms = terms{settle: time.Minute, worse: 30 * time.Second, wrong: 3 * time.Second}

const tryEvery = 200 * time.Millisecond

// Do does one lab from its start to its reset. The error is about what the trial itself needs: a cluster in which nothing is in
// the way.
func (t *Trial) Do(ctx context.Context, lab *Lab) (result Result, err error) {
	if t.terms == (terms{}) {
		t.terms = usualTerms
	}
	began := time.Now()
	result = Result{Lab: lab.Name, Steps: []StepResult{}}
	before, err := t.Cluster.Objects(ctx)
	if err != nil {
		return result, err
	}
	if people := ofPeople(before); len(people) > 0 && !t.Force {
		return result, fmt.Errorf("%w: %s", ErrInTheWay, some(people))
	}
	home, err := os.MkdirTemp("", "kubelab-lab-")
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(home)) }()
	if err := lab.Unpack(home, fsuser.Self, true); err != nil {
		return result, err
	}
	attempt := &attempt{Trial: t, checker: &Checker{Lab: lab, Shell: &Shell{Dir: filepath.Join(home, lab.Folder()), Env: t.Env}}}
	failure := attempt.steps(ctx, &result)
	if failure == nil && !t.Steps {
		failure = attempt.challenges(ctx, &result)
	}
	if ctx.Err() != nil {
		ctx = context.WithoutCancel(ctx) // what was begun is cleaned up
	}
	result.Failure = text(errors.Join(failure, attempt.reset(ctx, before)))
	result.Seconds = time.Since(began).Seconds()
	return result, nil
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// attempt is a lab that is being done.
type attempt struct {
	*Trial
	checker *Checker
}

func (a *attempt) steps(ctx context.Context, result *Result) error {
	for i := range a.checker.Lab.Steps {
		step := &a.checker.Lab.Steps[i]
		began := time.Now()
		failure := a.step(ctx, step)
		done := StepResult{step.ID, time.Since(began).Seconds(), text(failure)}
		result.Steps = append(result.Steps, done)
		if failure != nil {
			return fmt.Errorf("step %q: %w", step.ID, failure)
		}
		fmt.Fprintf(a.Say, "%6.2f s  %s: %s\n", done.Seconds, a.checker.Lab.Name, step.ID)
	}
	return nil
}

// step does a step: not done before, done after, and what holds held all the time.
func (a *attempt) step(ctx context.Context, step *Step) error {
	before, err := a.checker.Check(ctx, step)
	if err != nil {
		return err
	}
	if !allPassed(before.Holds) {
		return fmt.Errorf("what is to hold is not true before the step:\n%s", before)
	}
	if allPassed(before.Checks) && !step.Observe {
		return fmt.Errorf("its checks pass before its commands have run, so they prove nothing; a step that changes nothing says observe: true\n%s", before)
	}
	guard := a.guard(ctx, step)
	err = a.checker.enter(ctx, step.Run)
	if err == nil {
		err = a.until(ctx, step, a.terms.settle, Report.isDone)
	}
	if broken := guard.stop(); err == nil && broken != nil {
		return fmt.Errorf("what is to hold was not true during the step:\n%s", Report{Holds: []Finding{*broken}})
	}
	if err == nil {
		err = a.measure(ctx, step)
	}
	if err != nil {
		return err
	}
	for _, hold := range step.Holds {
		if err := a.prove(ctx, hold); err != nil {
			return err
		}
	}
	return nil
}

// prove shows that what holds could fail.
func (a *attempt) prove(ctx context.Context, hold Hold) error {
	alone := &Step{Holds: []Hold{hold}}
	if err := a.checker.enter(ctx, hold.Worse); err != nil {
		return fmt.Errorf("the worse fault: %w", err)
	}
	failed := func(r Report) bool { return !r.Done }
	if err := a.until(ctx, alone, a.terms.worse, failed); err != nil {
		return fmt.Errorf("the worse fault does not make it fail, so what holds proves nothing: %w", err)
	}
	if err := a.checker.enter(ctx, hold.Mend); err != nil {
		return fmt.Errorf("mend the worse fault: %w", err)
	}
	if err := a.until(ctx, alone, a.terms.settle, Report.isDone); err != nil {
		return fmt.Errorf("after the worse fault was mended: %w", err)
	}
	return nil
}

func (r Report) isDone() bool { return r.Done }

// until checks a step until the report is as wanted.
func (a *attempt) until(ctx context.Context, step *Step, term time.Duration, wanted func(Report) bool) error {
	deadline := time.Now().Add(term)
	for {
		report, err := a.checker.Check(ctx, step)
		if err != nil || wanted(report) {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("after %s still:\n%s", seconds(term), report)
		}
		time.Sleep(tryEvery)
	}
}

// reset takes away what the lab made, twice: a student may reset what was reset. Then all must be as before.
func (a *attempt) reset(ctx context.Context, before []string) error {
	for range 2 {
		if err := a.checker.Reset(ctx); err != nil {
			return err
		}
	}
	deadline := time.Now().Add(a.terms.settle)
	for {
		left, err := a.left(ctx, before)
		if err == nil && len(left) == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return errors.Join(err, fmt.Errorf("%s after its reset, the cluster is not as before:\n  %s", seconds(a.terms.settle), strings.Join(left, "\n  ")))
		}
		time.Sleep(tryEvery)
	}
}

// left is what is otherwise than before.
func (a *attempt) left(ctx context.Context, before []string) ([]string, error) {
	after, err := a.Cluster.Objects(ctx)
	if err != nil {
		return nil, err
	}
	left, err := a.Cluster.Ailing(ctx)
	return append(left, difference(before, after)...), err
}

func difference(before, after []string) (differences []string) {
	for _, name := range after {
		if !slices.Contains(before, name) {
			differences = append(differences, name+" was not there before")
		}
	}
	for _, name := range before {
		if !slices.Contains(after, name) {
			differences = append(differences, name+" is no more")
		}
	}
	return differences
}
