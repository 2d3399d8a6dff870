//go:build linux

package live

import (
	"context"
	"encoding/json"

	"k8s.io/client-go/kubernetes"

	"kubelab/kube/trace"
	"kubelab/site/record"
)

// steps follows the causal record. Each connection begins with all steps that the server has; those that the history has
// already are left out.
type steps struct {
	client kubernetes.Interface
	order  *record.Order
	door   *door
	told   func(trace.Step) // is called with each new step
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
		if s.order.Step(step) {
			s.told(step)
		}
	}
}
