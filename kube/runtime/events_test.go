//go:build linux

package runtime

import (
	"context"
	"errors"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// sleeper is a client's stream. Before the client reads, more happens than is kept for it.
type sleeper struct {
	grpc.ServerStreamingServer[cri.ContainerEventResponse]
	events *events
}

func (s *sleeper) Context() context.Context { return context.Background() }

func (s *sleeper) SendHeader(metadata.MD) error {
	for range maxWaiting + 1 {
		s.events.Publish(&cri.ContainerEventResponse{})
	}
	return nil
}

func TestAListenerThatHasMissedEventsIsToldSo(t *testing.T) {
	r := &Runtime{events: events{Bound: maxWaiting}}
	if err := r.GetContainerEvents(&cri.GetEventsRequest{}, &sleeper{events: &r.events}); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("it is told %v, want that it has missed events", err)
	}
}

func TestWhoHearsThatASandboxIsInQuarantineHearsThatItIsNotReady(t *testing.T) {
	r := &Runtime{}
	listens := r.events.Listen()
	sb := &sandbox{ready: true, record: sandboxRecord{ID: "s0", Config: &cri.PodSandboxConfig{}}}
	for range 2 {
		r.quarantine(sb, errors.New("its shim cannot be stopped"))
	}
	events, err := listens.Take()
	if err != nil || len(events) != 1 {
		t.Fatalf("put in quarantine twice, the sandbox is told of by %d events, error %v", len(events), err)
	}
	if is := events[0].PodSandboxStatus.State; is != cri.PodSandboxState_SANDBOX_NOTREADY {
		t.Errorf("the event says %v", is)
	}
}
