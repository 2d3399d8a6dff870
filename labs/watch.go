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

// Watch checks a step again and again until ctx is done, never twice at once, and tells saw each report that differs from the
// one before. What is done is kept in Progress.
func (c *Checker) Watch(ctx context.Context, step *Step, saw func(Report) error) error {
	kept := c.Progress == nil
	return watch(ctx, func() (Report, error) {
		report, err := c.Check(ctx, step)
		if err == nil && report.Done && !kept {
			if failure := c.Keep(ctx, step); failure == nil {
				kept = true
			} else { // some labs stop the API server; the next check tries again
				slog.WarnContext(ctx, "the progress of a lab could not be kept", "lab", c.Lab.Name, "step", step.ID, "error", failure)
			}
		}
		return report, err
	}, saw)
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
