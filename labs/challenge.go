package labs

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Challenge is something that is broken, with a goal and nothing else.
type Challenge struct {
	ID, Title string
	Text      string    // the story and the goal, Markdown
	Setup     []Command // make what the story needs, in a lab that was reset
	Break     []Command // make the fault
	View      string
	Object    string
	Check     []Check // the goal
	// Holds is what must not be touched. One that expects nothing prints what it printed when the challenge began.
	Holds     []Check
	Hints     []string // where to look, what it means, what to do; Markdown
	Solutions []Way    // each passes
	Wrong     []Way    // none passes
	Debrief   string   // what was wrong, and what gave it away; Markdown
}

// Way is one way to deal with a challenge.
type Way struct {
	Name string
	Do   []Command
}

// Begun is a challenge that a student works on.
type Begun struct {
	At     time.Time `json:"at"`
	Before []string  `json:"before,omitempty"` // what each thing that must not be touched printed
}

// ErrNotBegun is the error for a challenge whose fault is not there.
var ErrNotBegun = errors.New("this challenge has not begun")

const touched = "What must not be touched has changed, so this cannot be solved any more. Begin the challenge anew."

// step is what is checked of a challenge that has begun.
func (c *Challenge) step(begun Begun) *Step {
	step := &Step{ID: c.ID, Title: c.Title, Check: c.Check}
	for i, hold := range c.Holds {
		if hold.unchanged() && i < len(begun.Before) {
			hold.Expect = &begun.Before[i]
		}
		step.Holds = append(step.Holds, Hold{Check: hold})
	}
	return step
}

// unchanged says that what is printed is to stay as it is.
func (c Check) unchanged() bool { return c.Expect == nil && c.Matches == nil }

// Begin takes away what the lab made, sets a challenge up and makes its fault. The challenge has begun when the fault shows.
func (c *Checker) Begin(ctx context.Context, challenge *Challenge) error {
	begun, err := c.begin(ctx, challenge, faultTerm)
	if err != nil {
		return err
	}
	return c.Progress.Begun(ctx, c.Lab.Name, challenge.ID, begun)
}

// faultTerm is how long it may take until a fault shows.
const faultTerm = 30 * time.Second

func (c *Checker) begin(ctx context.Context, challenge *Challenge, term time.Duration) (begun Begun, err error) {
	if err := c.takeAway(ctx); err != nil {
		return Begun{}, err
	}
	if err := c.enter(ctx, challenge.Setup); err != nil {
		return Begun{}, fmt.Errorf("set up %s: %w", challenge.ID, err)
	}
	begun.At = time.Now().UTC().Truncate(time.Second)
	for _, hold := range challenge.Holds {
		outcome, err := c.Shell.Run(ctx, hold.Run, hold.Within)
		if err != nil {
			return Begun{}, err
		}
		if outcome.Late || outcome.Code != 0 {
			return Begun{}, fmt.Errorf("set up %s: what must not be touched cannot be looked at:\n%s", challenge.ID, Report{Holds: []Finding{{Run: hold.Run, Expected: hold.Expected(), Seen: hold.seen(outcome)}}})
		}
		if len(outcome.Printed) > maxSeen {
			return Begun{}, fmt.Errorf("set up %s: %s prints %d bytes: let it say less", challenge.ID, hold.Run, len(outcome.Printed))
		}
		begun.Before = append(begun.Before, strings.TrimSpace(outcome.Printed))
	}
	if err := c.enter(ctx, challenge.Break); err != nil {
		return Begun{}, fmt.Errorf("break %s: %w", challenge.ID, err)
	}
	return begun, c.shows(ctx, challenge.step(begun), term)
}

// shows waits until a fault makes the checks of its challenge fail.
func (c *Checker) shows(ctx context.Context, step *Step, term time.Duration) error {
	for deadline := time.Now().Add(term); ; time.Sleep(tryEvery) {
		report, err := c.Check(ctx, step)
		if err != nil || !allPassed(report.Checks) {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("its fault does not make its checks fail: after %s still:\n%s", seconds(term), report)
		}
	}
}

// Challenge checks a challenge once.
func (c *Checker) Challenge(ctx context.Context, challenge *Challenge, begun Begun) (Report, error) {
	if begun.At.IsZero() {
		return Report{}, fmt.Errorf("%w: kube lab begin %s %s makes its fault", ErrNotBegun, c.Lab.Name, challenge.ID)
	}
	report, err := c.Check(ctx, challenge.step(begun))
	if !allPassed(report.Holds) {
		report.Hint = touched
	}
	return report, err
}

// KeepChallenge keeps that a challenge is done.
func (c *Checker) KeepChallenge(ctx context.Context, challenge *Challenge) error {
	return c.Progress.Done(ctx, c.Lab.Name, Done{Step: challenge.ID, Left: true, At: time.Now()})
}
