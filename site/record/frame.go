package record

import (
	"encoding/json"
	"time"

	"kubelab/kube/trace"
)

// Frame is one thing that happened. Exactly one of Step, Object, Gone and Fact is set. Seq counts 1, 2, 3 … without a
// gap, so that whoever reads a stream knows that nothing is missing.
type Frame struct {
	Seq    int64       `json:"seq"`
	Time   time.Time   `json:"time"`
	Step   *trace.Step `json:"step,omitempty"`
	Object *Object     `json:"object,omitempty"`
	Gone   *trace.Ref  `json:"gone,omitempty"`
	Fact   *Fact       `json:"fact,omitempty"`
}

// Object is an object of the API as it is from a revision on.
type Object struct {
	Ref      trace.Ref       `json:"ref"`
	Revision int64           `json:"revision"`
	Body     json.RawMessage `json:"body"` // with apiVersion and kind, without managed fields; the values of Secrets are masked
}

// Fact is what a host knows and no object says. The last one about a thing holds; no data: it is no longer so.
type Fact struct {
	About string          `json:"about"` // "process/node-1/kubelet", "container/default/web/app", …
	Data  json.RawMessage `json:"data,omitempty"`
}

// none says that the fact is no longer so.
func (f *Fact) none() bool { return len(f.Data) == 0 || string(f.Data) == "null" }

// contents counts the things that the frame holds.
func (f *Frame) contents() (n int) {
	for _, holds := range []bool{f.Step != nil, f.Object != nil, f.Gone != nil, f.Fact != nil} {
		if holds {
			n++
		}
	}
	return n
}

// size is about how many bytes the frame holds in memory.
func (f *Frame) size() int {
	size := 200
	switch {
	case f.Step != nil:
		size += 300 + len(f.Step.Detail) + len(f.Step.Plan)
	case f.Object != nil:
		size += len(f.Object.Body)
	case f.Fact != nil:
		size += len(f.Fact.Data)
	}
	return size
}

// Snapshot is everything that holds at a moment: the sum of all frames up to Seq.
type Snapshot struct {
	Seq     int64        `json:"seq"`
	Time    time.Time    `json:"time"`
	Cluster string       `json:"cluster"`
	Objects []Object     `json:"objects"`
	Facts   []Fact       `json:"facts"`
	Steps   []trace.Step `json:"steps"` // the newest ones, oldest first
}
