//go:build linux

package live

import (
	"context"
	"encoding/json"
	"time"

	"k8s.io/client-go/kubernetes"

	"kubelab/kube/trace"
	"kubelab/site/record"
)

// steps follows the causal record. Each connection begins with all steps that the server has, so those that were seen
// are remembered.
type steps struct {
	client kubernetes.Interface
	order  *record.Order
	door   *door
	told   func(trace.Step) // is called with each new step
	seen   map[trace.ID]time.Time
	full   int // how many may be seen before the old ones are forgotten
}

// expired is when the server has surely forgotten a step: it keeps them for an hour.
const expired = 2 * time.Hour

// know takes down steps that the history has from the beginning.
func (s *steps) know(all []trace.Step) {
	for _, step := range all {
		s.isNew(step)
	}
}

func (s *steps) isNew(step trace.Step) bool {
	if _, known := s.seen[step.ID]; known {
		return false
	}
	s.seen[step.ID] = step.Time
	if len(s.seen) > s.full {
		for id, at := range s.seen {
			if time.Since(at) > expired {
				delete(s.seen, id)
			}
		}
		s.full = 2*len(s.seen) + 1000
	}
	return true
}

func (s *steps) run(ctx context.Context) {
	for s.door.pass(ctx) {
		_ = s.follow(ctx) // whatever broke it off: what was missed comes with the next connection
		s.door.failed(ctx)
	}
}

func (s *steps) follow(ctx context.Context) error {
	stream, err := s.client.CoreV1().RESTClient().Get().AbsPath(trace.Path).Param("watch", "true").Stream(ctx)
	if err != nil {
		return err
	}
	defer stream.Close()
	lines := json.NewDecoder(stream)
	for {
		var step trace.Step
		if err := lines.Decode(&step); err != nil {
			return err
		}
		if s.isNew(step) {
			s.order.Step(step)
			s.told(step)
		}
	}
}
