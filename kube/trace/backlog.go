package trace

import (
	"fmt"
	"time"
)

// How much may wait for delivery. What is more is lost, the oldest first: the record itself goes back an hour only, and the
// end of a long absence tells more than its beginning.
const (
	maxWaiting      = 10_000  // steps
	maxWaitingBytes = 8 << 20 // of their JSON
	maxBatchBytes   = 512 << 10
)

// backlog holds the steps that wait, oldest first.
type backlog struct {
	waiting  []waiting
	bytes    int
	underWay int // how many of the first are being delivered
}

type waiting struct {
	step Step
	size int // bytes of its JSON
}

func (b *backlog) add(step Step, size int) {
	b.waiting = append(b.waiting, waiting{step, size})
	b.bytes += size
}

// batch takes the first steps under way: they stay until they are [backlog.settled].
func (b *backlog) batch() []Step {
	var steps []Step
	bytes := 0
	for _, w := range b.waiting[:min(len(b.waiting), MaxBatch)] {
		if bytes += w.size; bytes > maxBatchBytes && len(steps) > 0 {
			break
		}
		steps = append(steps, w.step)
	}
	b.underWay = len(steps)
	return steps
}

// settled forgets the first n steps.
func (b *backlog) settled(n int) {
	for _, w := range b.waiting[:n] {
		b.bytes -= w.size
	}
	b.waiting = b.waiting[n:]
	b.underWay -= n
}

// overflow makes room when there is too much: it takes out the oldest steps that are not under way, a quarter of the bound at
// once, and returns them.
func (b *backlog) overflow() []Step {
	if len(b.waiting) <= maxWaiting && b.bytes <= maxWaitingBytes {
		return nil
	}
	var lost []Step
	end := b.underWay
	for end < len(b.waiting) && (len(b.waiting)-len(lost) > maxWaiting*3/4 || b.bytes > maxWaitingBytes*3/4) {
		lost = append(lost, b.waiting[end].step)
		b.bytes -= b.waiting[end].size
		end++
	}
	kept := append([]waiting(nil), b.waiting[:b.underWay]...)
	b.waiting = append(kept, b.waiting[end:]...)
	return lost
}

// insert puts a step in front of all that are not under way.
func (b *backlog) insert(step Step, size int) {
	rest := append([]waiting{{step, size}}, b.waiting[b.underWay:]...)
	b.waiting = append(b.waiting[:b.underWay:b.underWay], rest...)
	b.bytes += size
}

// LossVerb is the verb of a step that tells that others are lost.
const LossVerb = "lose steps"

// loss is the step that stands where steps are lost. One that told of an earlier loss, and is lost itself, counts as what it
// told of.
func loss(lost []Step, why string) Step {
	count := 0
	for _, step := range lost {
		earlier := 1
		if step.Verb == LossVerb {
			_, _ = fmt.Sscanf(step.Detail, "%d", &earlier)
		}
		count += earlier
	}
	first, last := lost[0], lost[len(lost)-1]
	return Step{
		Verb: LossVerb, Root: Event, Time: first.Time,
		Detail: fmt.Sprintf("%d lost until %s: %s", count, last.Time.UTC().Format(time.RFC3339), why),
	}
}
