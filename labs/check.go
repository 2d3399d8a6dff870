package labs

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// Checker runs the checks of a lab.
type Checker struct {
	Lab      *Lab
	Shell    *Shell
	Progress *Progress // where what is done is kept; nil: nowhere
}

// Check runs the checks of a step once, one after the other. The error is about running them, not what they found.
func (c *Checker) Check(ctx context.Context, step *Step) (Report, error) {
	report := Report{Step: step.ID, Done: true, Checks: []Finding{}, Holds: []Finding{}}
	look := func(check Check, to *[]Finding) error {
		found, err := c.find(ctx, check)
		*to = append(*to, found)
		report.Done = report.Done && found.Passed
		return err
	}
	for _, check := range step.Check {
		if err := look(check, &report.Checks); err != nil {
			return report, err
		}
	}
	for _, hold := range step.Holds {
		if err := look(hold.Check, &report.Holds); err != nil {
			return report, err
		}
	}
	if report.Done {
		return report, nil
	}
	var err error
	report.Hint, err = c.hint(ctx, step, report)
	return report, err
}

// Keep keeps that a step is done, and what was found of its predictions. Where there was something to do, something is left of it.
func (c *Checker) Keep(ctx context.Context, step *Step, found []string) error {
	return c.Progress.Done(ctx, c.Lab.Name, Done{Step: step.ID, Left: !step.Observe, Found: found, At: time.Now()})
}

// Measure finds out what became of a step's predictions: an outcome for each.
func (c *Checker) Measure(ctx context.Context, step *Step) (found []string, err error) {
	for i := range step.Predict {
		question := &step.Predict[i]
		outcome, err := c.Shell.Run(ctx, question.Measure.Run, question.Measure.Within)
		if err != nil {
			return nil, err
		}
		if outcome.Late || outcome.Code != 0 {
			return nil, fmt.Errorf("a measurement failed:\n%s", Report{Checks: []Finding{{Run: question.Measure.Run, Expected: question.expected(), Seen: question.Measure.seen(outcome)}}})
		}
		found = append(found, question.Outcome(outcome.Printed))
	}
	return found, nil
}

// Reset takes away what the lab made, and forgets what is done of it.
func (c *Checker) Reset(ctx context.Context) error {
	if err := c.takeAway(ctx); err != nil || c.Progress == nil {
		return err
	}
	return c.Progress.Clear(ctx, c.Lab.Name)
}

// Tidy takes away what several labs made, for the sake of another one. What is done of them stays done. All at once: what one
// wants to take away may be on a node that another has switched off, or wait for a loop that another holds.
func Tidy(ctx context.Context, several []*Checker) error {
	failed := make([]error, len(several))
	var all sync.WaitGroup
	for i, c := range several {
		all.Go(func() { failed[i] = c.takeAway(ctx) })
	}
	all.Wait()
	for i, c := range several {
		if failed[i] == nil {
			failed[i] = c.Progress.Tidied(ctx, c.Lab.Name)
		}
	}
	return errors.Join(failed...)
}

func (c *Checker) takeAway(ctx context.Context) error {
	if err := c.enter(ctx, c.Lab.Reset); err != nil {
		return fmt.Errorf("reset %s: %w", c.Lab.Name, err)
	}
	return nil
}

// enter runs commands, each of which must end as the lab says.
func (c *Checker) enter(ctx context.Context, commands []Command) error {
	for _, command := range commands {
		outcome, err := c.Shell.Run(ctx, command.Do, command.Within)
		if err != nil {
			return err
		}
		if failed := outcome.Late || outcome.Code != 0; failed == command.Fails && !outcome.Late {
			continue
		}
		wanted := "that it succeeds"
		if command.Fails {
			wanted = "that it fails"
		}
		seen := Check{Within: command.Within}.seen(outcome)
		return fmt.Errorf("a command did not end as it should:\n%s", Report{Checks: []Finding{{Run: command.Do, Expected: wanted, Seen: seen}}})
	}
	return nil
}

// find runs one check.
func (c *Checker) find(ctx context.Context, check Check) (Finding, error) {
	outcome, err := c.Shell.Run(ctx, check.Run, check.Within)
	return Finding{Run: check.Run, Says: check.Says, Passed: check.passed(outcome), Expected: check.Expected(), Seen: check.seen(outcome)}, err
}

// Expected says in words what a check expects.
func (c Check) Expected() string {
	switch {
	case c.Expect != nil && *c.Expect == "":
		return "nothing"
	case c.Expect != nil:
		return *c.Expect
	case c.Matches != nil:
		return "a text that matches " + c.Matches.String()
	default:
		return "that it succeeds"
	}
}

func (c Check) passed(o Outcome) bool {
	printed := strings.TrimSpace(o.Printed)
	switch {
	case o.Late || o.Code != 0:
		return false
	case c.Expect != nil:
		return printed == *c.Expect
	case c.Matches != nil:
		return c.Matches.MatchString(printed)
	default:
		return true
	}
}

// maxSeen is how many bytes of what a command printed are evidence enough.
const maxSeen = 2 << 10

func (c Check) seen(o Outcome) string {
	text := strings.TrimSpace(o.Printed)
	if o.Late || o.Code != 0 {
		text = strings.TrimSpace(text + "\n" + strings.TrimSpace(o.Complaint))
	}
	text = shortened(text)
	switch {
	case o.Late:
		return strings.TrimSpace(fmt.Sprintf("%s\ndid not end within %s", text, seconds(c.Within)))
	case o.Code != 0:
		return strings.TrimSpace(fmt.Sprintf("%s\nexit code %d", text, o.Code))
	case text == "":
		return "nothing"
	default:
		return text
	}
}

// shortened is a text that is evidence enough.
func shortened(text string) string {
	if len(text) <= maxSeen {
		return text
	}
	return strings.ToValidUTF8(text[:maxSeen], "") + " …"
}

func seconds(d time.Duration) string { return fmt.Sprintf("%g s", d.Seconds()) }

// hint is the first of the step's hints that has something to say of what was seen.
func (c *Checker) hint(ctx context.Context, step *Step, report Report) (string, error) {
	var seen []string
	for _, found := range append(report.Checks, report.Holds...) {
		if !found.Passed {
			seen = append(seen, found.Seen)
		}
	}
	for _, hint := range step.Hint {
		if hint.When != nil && !hint.When.MatchString(strings.Join(seen, "\n")) {
			continue
		}
		if hint.Say != "" {
			return hint.Say, nil
		}
		outcome, err := c.Shell.Run(ctx, hint.Run, checkTerm)
		if said := strings.TrimSpace(outcome.Printed); err != nil || said != "" {
			return said, err
		}
	}
	return "", nil
}
