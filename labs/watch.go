package labs

import (
	"context"
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

// Watch checks a step again and again until ctx is done, never twice at once, and tells saw each report that differs from the
// one before. What is done is kept in Progress, and each report has what is kept: another person may have reset the lab.
func (c *Checker) Watch(ctx context.Context, step *Step, saw func(Report) error) error {
	return watch(ctx, func() (Report, error) {
		report, err := c.Check(ctx, step)
		if err == nil && c.Progress != nil {
			report.Progress = c.keep(ctx, step, report.Done)
		}
		return report, err
	}, saw)
}

// keep keeps that a step is done, if it is, and returns the steps that are; nil: that cannot be said now. The next check tries again.
func (c *Checker) keep(ctx context.Context, step *Step, done bool) []string {
	term, cancel := context.WithTimeout(ctx, keepTerm)
	defer cancel()
	var err error
	if done {
		err = c.Keep(term, step)
	}
	kept, unread := c.Progress.Of(term, c.Lab.Name)
	if unread != nil {
		err = unread
	}
	if err != nil {
		slog.WarnContext(ctx, "the progress of a lab could not be kept", "lab", c.Lab.Name, "step", step.ID, "error", err)
		return nil
	}
	passed := []string{}
	for _, step := range c.Lab.Steps {
		if _, found := kept.Done[step.ID]; found {
			passed = append(passed, step.ID)
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
