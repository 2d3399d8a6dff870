package probes

import (
	"iter"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Kind is what a probe is for.
type Kind string

// The kinds, named as events name them.
const (
	Startup   Kind = "Startup"
	Liveness  Kind = "Liveness"
	Readiness Kind = "Readiness"
)

// Word is the kind in the middle of a sentence.
func (k Kind) Word() string { return strings.ToLower(string(k)) }

// Verdict is what a probe says, or what is known by it. The empty one is that nothing is known.
type Verdict string

// The verdicts.
const (
	Success Verdict = "success"
	Failure Verdict = "failure"
)

// Record is what one probe has said of a container since the container started.
type Record struct {
	Known  Verdict   // what is known by it: the last verdict that was repeated as often as its threshold asks
	Last   Verdict   // what it said last
	InARow int       // how often in a row it said that
	Asked  time.Time // when it was asked last; zero: never
}

// Observed is a container that runs, and what its probes have said.
type Observed struct {
	Started time.Time // since when it runs
	Ending  bool      // its pod is being stopped
	Said    map[Kind]Record
}

// Decision is what follows for a container, and when its probes are to be asked. A probe without a time rests.
type Decision struct {
	Started   bool // it has finished starting: its startup probe has succeeded, or it has none
	Ready     bool // requests may be sent to it
	Unhealthy Kind // the probe for whose failure it has to be stopped; empty: none
	Next      map[Kind]time.Time
}

// Of are the probes that a container has.
func Of(c *corev1.Container) iter.Seq2[Kind, *corev1.Probe] {
	return func(yield func(Kind, *corev1.Probe) bool) {
		for _, kind := range []Kind{Startup, Liveness, Readiness} {
			if probe := kind.Of(c); probe != nil && !yield(kind, probe) {
				return
			}
		}
	}
}

// Any is whether a container has a probe.
func Any(c *corev1.Container) bool {
	return c.StartupProbe != nil || c.LivenessProbe != nil || c.ReadinessProbe != nil
}

// Of is a container's probe of that kind, nil if it has none.
func (k Kind) Of(c *corev1.Container) *corev1.Probe {
	switch k {
	case Startup:
		return c.StartupProbe
	case Liveness:
		return c.LivenessProbe
	case Readiness:
		return c.ReadinessProbe
	}
	return nil
}

// Plan decides what is known of a container, and when to ask its probes next.
func Plan(c *corev1.Container, have Observed, now time.Time) Decision {
	d := Decision{Next: map[Kind]time.Time{}}
	d.Started = c.StartupProbe == nil || have.Said[Startup].Known == Success
	d.Ready = d.Started && (c.ReadinessProbe == nil || have.Said[Readiness].Known == Success)
	for _, kind := range []Kind{Startup, Liveness} {
		if kind.Of(c) != nil && have.Said[kind].Known == Failure {
			d.Unhealthy = kind
		}
	}
	for kind, probe := range Of(c) {
		if d.asks(kind, have.Ending) {
			d.Next[kind] = due(probe, have.Started, have.Said[kind].Asked, now)
		}
	}
	return d
}

// asks is whether a probe is of use at present. Of a container that is to be stopped it is only worth knowing whether requests may still go to it.
func (d Decision) asks(kind Kind, ending bool) bool {
	switch kind {
	case Startup:
		return !d.Started && !ending && d.Unhealthy == ""
	case Liveness:
		return d.Started && !ending && d.Unhealthy == ""
	}
	return d.Started
}

// due is when a probe is to be asked: first when its delay is over, then once each period. A clock that was set back makes nobody wait for longer than that.
func due(probe *corev1.Probe, started, asked, now time.Time) time.Time {
	pause, at := seconds(probe.InitialDelaySeconds), started
	if !asked.IsZero() {
		pause, at = seconds(probe.PeriodSeconds), asked
	}
	at = at.Add(pause)
	switch latest := now.Add(pause); {
	case at.Before(now):
		return now
	case at.After(latest):
		return latest
	}
	return at
}

// After is the record when the probe has said something more. An empty verdict says nothing: the probe could not be asked.
func (r Record) After(probe *corev1.Probe, said Verdict, asked time.Time) Record {
	r.Asked = asked
	if said == "" {
		return r
	}
	if said != r.Last {
		r.Last, r.InARow = said, 0
	}
	r.InARow++
	threshold := probe.SuccessThreshold
	if said == Failure {
		threshold = probe.FailureThreshold
	}
	if r.InARow >= int(threshold) {
		r.Known = said
	}
	return r
}

// Inherited is what a kubelet knows of a container that has run before it started: what the pod's status says.
func Inherited(started, ready bool) map[Kind]Record {
	said := map[Kind]Record{}
	if started {
		said[Startup] = Record{Known: Success}
	}
	if ready {
		said[Readiness] = Record{Known: Success}
	}
	return said
}

// differs is whether anything follows from a decision that did not follow before.
func (d Decision) differs(before Decision) bool {
	return d.Started != before.Started || d.Ready != before.Ready || d.Unhealthy != before.Unhealthy
}

func seconds(n int32) time.Duration { return time.Duration(n) * time.Second }
