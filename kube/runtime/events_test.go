//go:build linux

package runtime

import (
	"errors"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

func TestAListenerThatDoesNotReadCostsNothingMoreOnceItIsCutOff(t *testing.T) {
	var all listeners
	reads, sleeps := all.add(), all.add()
	heard := 0
	for range maxWaiting + maxWaiting/2 {
		all.publish(&cri.ContainerEventResponse{})
		events, err := all.take(reads)
		if err != nil {
			t.Fatal(err)
		}
		heard += len(events)
	}
	if heard != maxWaiting+maxWaiting/2 {
		t.Errorf("the one that reads has heard %d events", heard)
	}
	if len(sleeps.waiting) != 0 {
		t.Errorf("for the one that does not read, %d events are kept, though it is cut off", len(sleeps.waiting))
	}
	if _, err := all.take(sleeps); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("it is told %v, want that it has missed events", err)
	}
}

func TestWhoHearsThatASandboxIsInQuarantineHearsThatItIsNotReady(t *testing.T) {
	r := &Runtime{}
	listens := r.listeners.add()
	sb := &sandbox{ready: true, record: sandboxRecord{ID: "s0", Config: &cri.PodSandboxConfig{}}}
	for range 2 {
		r.quarantine(sb, errors.New("its shim cannot be stopped"))
	}
	events, err := r.listeners.take(listens)
	if err != nil || len(events) != 1 {
		t.Fatalf("put in quarantine twice, the sandbox is told of by %d events, error %v", len(events), err)
	}
	if is := events[0].PodSandboxStatus.State; is != cri.PodSandboxState_SANDBOX_NOTREADY {
		t.Errorf("the event says %v", is)
	}
}
