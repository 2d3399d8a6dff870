package labs

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"time"
)

// measure measures a step's predictions, and requires what the lab says of them.
func (a *attempt) measure(ctx context.Context, step *Step) error {
	found, err := a.checker.Measure(ctx, step)
	if err != nil {
		return err
	}
	for i := range step.Predict {
		question := &step.Predict[i]
		if !question.Right(Answer{Said: question.expected(), Found: found[i]}) {
			return fmt.Errorf("prediction %d, %q: the lab says %q, and measured was %q", i+1, question.Ask, question.expected(), found[i])
		}
		fmt.Fprintf(a.Say, "          %s %s: found %s%s\n", a.checker.Lab.Name, step.ID, found[i], spread(question, found[i]))
	}
	return nil
}

// spread says of a number how near it was to what the lab says.
func spread(q *Question, found string) string {
	if q.Number == nil {
		return ""
	}
	number, err := strconv.ParseFloat(found, 64)
	if err != nil {
		return ""
	}
	return fmt.Sprintf(" %s (%.1f from %g, may be %g)", q.Number.Unit, math.Abs(number-q.Number.Want), q.Number.Want, q.Number.Tolerance)
}

// challenges does every challenge in each of its ways.
func (a *attempt) challenges(ctx context.Context, result *Result) error {
	for i := range a.checker.Lab.Challenges {
		challenge := &a.checker.Lab.Challenges[i]
		failing := make([]bool, len(challenge.Holds)) // what holds was seen to fail
		for j, way := range append(challenge.Solutions[:len(challenge.Solutions):len(challenge.Solutions)], challenge.Wrong...) {
			began := time.Now()
			var failure error
			if wrong := j >= len(challenge.Solutions); wrong {
				failure = a.refuse(ctx, challenge, way, failing)
			} else {
				failure = a.solve(ctx, challenge, way)
			}
			done := StepResult{challenge.ID + ": " + way.Name, time.Since(began).Seconds(), text(failure)}
			result.Steps = append(result.Steps, done)
			if failure != nil {
				return fmt.Errorf("challenge %q, %q: %w", challenge.ID, way.Name, failure)
			}
			fmt.Fprintf(a.Say, "%6.2f s  %s: %s\n", done.Seconds, a.checker.Lab.Name, done.Step)
		}
		for j, seen := range failing {
			if !seen {
				return fmt.Errorf("challenge %q: no wrong way makes it fail, so what holds proves nothing: %s", challenge.ID, challenge.Holds[j].Run)
			}
		}
	}
	return nil
}

// begin makes the fault of a challenge, which must make its checks fail and touch nothing that holds.
func (a *attempt) begin(ctx context.Context, challenge *Challenge) (*Step, error) {
	begun, err := a.checker.begin(ctx, challenge, a.terms.worse)
	if err != nil {
		return nil, err
	}
	step := challenge.step(begun)
	broken := func(r Report) bool { return !allPassed(r.Checks) && allPassed(r.Holds) }
	if err := a.until(ctx, step, a.terms.worse, broken); err != nil {
		return nil, fmt.Errorf("its fault does not stay, or what must not be touched is not as it was: %w", err)
	}
	return step, nil
}

func (a *attempt) solve(ctx context.Context, challenge *Challenge, way Way) error {
	step, err := a.begin(ctx, challenge)
	if err != nil {
		return err
	}
	if err := a.checker.enter(ctx, way.Do); err != nil {
		return err
	}
	if err := a.until(ctx, step, a.terms.settle, Report.isDone); err != nil {
		return fmt.Errorf("it does not pass: %w", err)
	}
	return nil
}

// refuse does what must not pass, and looks for a while. What is seen not to hold is noted in failing.
func (a *attempt) refuse(ctx context.Context, challenge *Challenge, way Way, failing []bool) error {
	step, err := a.begin(ctx, challenge)
	if err != nil {
		return err
	}
	if err := a.checker.enter(ctx, way.Do); err != nil {
		return err
	}
	for deadline := time.Now().Add(a.terms.wrong); time.Now().Before(deadline); time.Sleep(tryEvery) {
		report, err := a.checker.Check(ctx, step)
		if err != nil {
			return err
		}
		if report.Done {
			return fmt.Errorf("it passes, and must not:\n%s", report)
		}
		for i, hold := range report.Holds {
			failing[i] = failing[i] || !hold.Passed
		}
	}
	return nil
}
