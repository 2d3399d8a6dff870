//go:build linux

package runtime

import (
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// maxWaiting bounds the events, and so the memory, that a listener who does not read may cost us: a few megabytes. One event tells of a whole
// pod, so a full node that starts all its pods anew makes some hundred.
const maxWaiting = 2_000

// listeners are the clients who hear of events. Each has a queue of its own, so none waits for another.
type listeners struct {
	mu  sync.Mutex
	all map[*listener]bool
}

type listener struct {
	waiting []*cri.ContainerEventResponse // guarded by listeners.mu, as is slow
	slow    bool                          // it has missed events
	wake    chan struct{}
}

func (l *listeners) add() *listener {
	l.mu.Lock()
	defer l.mu.Unlock()
	one := &listener{wake: make(chan struct{}, 1)}
	if l.all == nil {
		l.all = map[*listener]bool{}
	}
	l.all[one] = true
	return one
}

func (l *listeners) remove(one *listener) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.all, one)
}

func (l *listeners) publish(event *cri.ContainerEventResponse) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for one := range l.all {
		if one.slow {
			continue
		}
		if one.waiting = append(one.waiting, event); len(one.waiting) > maxWaiting {
			one.waiting, one.slow = nil, true
		}
		select {
		case one.wake <- struct{}{}:
		default: // it has been woken and has not looked yet
		}
	}
}

func (l *listeners) take(one *listener) ([]*cri.ContainerEventResponse, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if one.slow {
		return nil, status.Errorf(codes.ResourceExhausted, "more than %d events were not read: list the containers, and listen anew", maxWaiting)
	}
	waiting := one.waiting
	one.waiting = nil
	return waiting, nil
}

// tell sends an event, with the state of the whole sandbox at that instant, to all listeners. The runtime's lock is
// held, so events are in the order in which things happened.
func (r *Runtime) tell(kind cri.ContainerEventType, sb *sandbox, id string) {
	r.listeners.publish(&cri.ContainerEventResponse{
		ContainerId: id, ContainerEventType: kind, CreatedAt: time.Now().UnixNano(),
		PodSandboxStatus: sb.status(), ContainersStatuses: sb.statuses(),
	})
}

// GetContainerEvents streams everything that happens from now on. A client that waits for the stream's header before
// it lists what there is misses nothing. One that does not read is cut off, and must list anew.
func (r *Runtime) GetContainerEvents(_ *cri.GetEventsRequest, stream grpc.ServerStreamingServer[cri.ContainerEventResponse]) error {
	one := r.listeners.add()
	defer r.listeners.remove(one)
	if err := stream.SendHeader(metadata.MD{}); err != nil {
		return err
	}
	for {
		select {
		case <-one.wake:
		case <-stream.Context().Done():
			return nil
		}
		waiting, err := r.listeners.take(one)
		if err != nil {
			return err
		}
		for _, event := range waiting {
			if err := stream.Send(event); err != nil {
				return err
			}
		}
	}
}
