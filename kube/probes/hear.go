package probes

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"kubelab/kube/trace"
)

// maxSteps is how many failures in a row become steps of the causal record. That which changes what is known always does.
const maxSteps = 10

// What an event says.
const (
	unhealthy    = "Unhealthy"
	probeWarning = "ProbeWarning"
)

// hear takes in what came of asking a probe. What changes nothing and is no failure leaves no trace.
func (p *Prober) hear(ctx context.Context, c *probed, kind Kind, probe *corev1.Probe, out Outcome, asked time.Time) {
	c.mu.Lock()
	before, was := c.plan(), c.said[kind]
	c.said[kind] = was.After(probe, out.Verdict, asked)
	changes := c.plan().differs(before)
	causes := p.note(ctx, c, kind, out, was.Known, changes)
	if changes {
		c.wakeAll()
	}
	c.mu.Unlock()
	if reason, message := told(kind, out); reason != "" {
		c.Event(trace.WithCauses(ctx, causes...), corev1.EventTypeWarning, reason, message)
	}
	if changes {
		c.Changed(causes...)
	}
}

// note writes down what a probe has said, as far as it matters, and returns the steps by which is known what is known now.
func (p *Prober) note(ctx context.Context, c *probed, kind Kind, out Outcome, was Verdict, changes bool) []trace.ID {
	switch {
	case out.Verdict == Success:
		c.failed[kind] = nil
		if changes {
			c.causes[kind] = []trace.ID{p.record(ctx, c, kind, "succeeded", c.causes[kind] == nil)}
		}
	case out.Verdict == Failure && was != Failure && (changes || len(c.failed[kind]) < maxSteps):
		c.failed[kind] = append(c.failed[kind], p.record(ctx, c, kind, "failed: "+out.Message, false))
		if changes {
			c.causes[kind] = slices.Clone(c.failed[kind])
		}
	}
	if len(c.failed[kind]) > 0 {
		return slices.Clone(c.failed[kind])
	}
	return c.causes[kind]
}

// record makes a step of what a probe has said. It comes from outside, but for the first success: that is what a start leads to.
func (p *Prober) record(ctx context.Context, c *probed, kind Kind, said string, first bool) trace.ID {
	step := trace.Step{Verb: "probe", Object: c.Pod,
		Detail: fmt.Sprintf("%s probe of container %s %s", kind.Word(), c.Spec.Name, said)}
	if step.Root = trace.Event; first && len(c.Causes) > 0 {
		step.Root, step.Causes = "", c.Causes
	}
	return p.recorder.Record(ctx, step)
}

// told is what people are told of an outcome, in upstream's words.
func told(kind Kind, out Outcome) (reason, message string) {
	switch {
	case out.Verdict == "":
		return unhealthy, fmt.Sprintf("%s probe errored and resulted in unknown state: %s", kind, out.Message)
	case out.Verdict == Failure:
		return unhealthy, fmt.Sprintf("%s probe failed: %s", kind, out.Message)
	case out.Warning:
		return probeWarning, fmt.Sprintf("%s probe warning: %s", kind, out.Message)
	}
	return "", ""
}
