package labs

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"time"
)

// How long after a check the next one comes: sooner where something changed, later where all stays the same.
const (
	soon  = time.Second
	later = 3 * time.Second
)

// keepTerm is how long the cluster may take to keep or to say what is done. Some labs stop the API server.
const keepTerm = 2 * time.Second

// Watch checks a step or a challenge again and again until ctx is done, never twice at once, and tells saw each report that differs
// from the one before. What is done is kept in Progress, and each report has what is kept: another person may have reset the lab.
func (c *Checker) Watch(ctx context.Context, id string, saw func(Report) error) error {
	step, challenge, err := c.Lab.Find(id)
	if err != nil {
		return err
	}
	var last Kept // the cluster may not answer now: some labs stop the API server
	return watch(ctx, func() (Report, error) {
		if kept, err := c.kept(ctx); err == nil {
			last = kept
		}
		var report Report
		if challenge != nil {
			report, err = c.lookAtChallenge(ctx, challenge, last)
		} else {
			report, err = c.look(ctx, step, last)
		}
		if kept, unread := c.kept(ctx); err == nil && unread == nil {
			report.Progress = c.passed(kept)
		}
		return report, err
	}, saw)
}

// look checks a step whose questions are answered, and keeps that it is done.
func (c *Checker) look(ctx context.Context, step *Step, kept Kept) (Report, error) {
	if step.Waits(kept) {
		return waiting(step.ID), nil
	}
	report, err := c.Check(ctx, step)
	if err != nil || !report.Done {
		return report, err
	}
	var found []string
	if _, before := kept.Done[step.ID]; !before {
		if found, err = c.Measure(ctx, step); ctx.Err() != nil {
			return report, err
		}
	}
	if err != nil { // it cannot be measured now; the next check tries again
		report.Done, report.Hint = false, err.Error()
		return report, nil
	}
	c.keep(ctx, func(ctx context.Context) error { return c.Keep(ctx, step, found) })
	return report, nil
}

// lookAtChallenge checks a challenge that has begun, and keeps that it is done.
func (c *Checker) lookAtChallenge(ctx context.Context, challenge *Challenge, kept Kept) (Report, error) {
	begun, is := kept.Begun[challenge.ID]
	if !is {
		return waiting(challenge.ID), nil
	}
	report, err := c.Challenge(ctx, challenge, begun)
	if err == nil && report.Done {
		c.keep(ctx, func(ctx context.Context) error { return c.KeepChallenge(ctx, challenge) })
	}
	return report, err
}

func waiting(id string) Report {
	return Report{Step: id, Waits: true, Checks: []Finding{}, Holds: []Finding{}}
}

// keep keeps something, if the cluster takes it in time. The next check tries again.
func (c *Checker) keep(ctx context.Context, keep func(context.Context) error) {
	if c.Progress == nil {
		return
	}
	term, cancel := context.WithTimeout(ctx, keepTerm)
	defer cancel()
	if err := keep(term); err != nil {
		slog.WarnContext(ctx, "the progress of a lab could not be kept", "lab", c.Lab.Name, "error", err)
	}
}

// kept is what is kept of the lab, if the cluster says so in time.
func (c *Checker) kept(ctx context.Context) (Kept, error) {
	if c.Progress == nil {
		return Kept{}, errNotKept
	}
	term, cancel := context.WithTimeout(ctx, keepTerm)
	defer cancel()
	return c.Progress.Of(term, c.Lab.Name)
}

var errNotKept = errors.New("nothing is kept")

// passed names what is done of the lab, in its order.
func (c *Checker) passed(kept Kept) []string {
	passed := []string{}
	for _, id := range c.Lab.IDs() {
		if _, found := kept.Done[id]; found {
			passed = append(passed, id)
		}
	}
	return passed
}

func watch(ctx context.Context, check func() (Report, error), saw func(Report) error) error {
	var last *Report
	for pause := soon; ; pause = min(pause+soon, later) {
		report, err := check()
		if err != nil {
			return err
		}
		if last == nil || !reflect.DeepEqual(*last, report) {
			if err := saw(report); err != nil {
				return err
			}
			last, pause = &report, soon
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(pause):
		}
	}
}
