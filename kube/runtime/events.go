//go:build linux

package runtime

import (
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/broadcast"
)

// maxWaiting bounds the events, and so the memory, that a listener who does not read may cost us: a few megabytes. One event tells of a whole
// pod, so a full node that starts all its pods anew makes some hundred.
const maxWaiting = 2_000

// events are what the runtime tells whoever listens.
type events = broadcast.Broadcaster[*cri.ContainerEventResponse]

// tell sends an event, with the state of the whole sandbox at that instant, to all listeners. The runtime's lock is
// held, so events are in the order in which things happened.
func (r *Runtime) tell(kind cri.ContainerEventType, sb *sandbox, id string) {
	r.events.Publish(&cri.ContainerEventResponse{
		ContainerId: id, ContainerEventType: kind, CreatedAt: time.Now().UnixNano(),
		PodSandboxStatus: sb.status(), ContainersStatuses: sb.statuses(),
	})
}

// GetContainerEvents streams everything that happens from now on. A client that waits for the stream's header before
// it lists what there is misses nothing. One that does not read is cut off, and must list anew.
func (r *Runtime) GetContainerEvents(_ *cri.GetEventsRequest, stream grpc.ServerStreamingServer[cri.ContainerEventResponse]) error {
	listener := r.events.Listen()
	defer listener.Close()
	if err := stream.SendHeader(metadata.MD{}); err != nil {
		return err
	}
	for {
		select {
		case <-listener.Wake():
		case <-stream.Context().Done():
			return nil
		}
		waiting, err := listener.Take()
		if err != nil {
			return status.Errorf(codes.ResourceExhausted, "more than %d events were not read: list the containers, and listen anew", maxWaiting)
		}
		for _, event := range waiting {
			if err := stream.Send(event); err != nil {
				return err
			}
		}
	}
}
