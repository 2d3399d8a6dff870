//go:build linux

package kubelet

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/operator"
	"kubelab/kube/pods"
)

const (
	// relistEvery is how long an event that got lost can go unnoticed.
	relistEvery = 10 * time.Second
	// reconnect is the pause before a runtime that went away is called again.
	reconnect = 100 * time.Millisecond
)

// ear hears what happens in the runtime and wakes the pods that it happened to.
type ear struct {
	runtime *pods.Runtime
	pods    *pods.Operator
	known   map[operator.Key]map[string]string // the state of everything, by pod and ID
}

// run listens until ctx is done. Events tell at once; a list now and then finds what events have missed.
func (e *ear) run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	connected := make(chan struct{}, 1)
	var listening sync.WaitGroup
	listening.Go(func() { e.keepListening(ctx, connected) })
	defer listening.Wait()
	defer stop()
	ticker := time.NewTicker(relistEvery)
	defer ticker.Stop()
	for {
		if err := e.relist(ctx); err != nil && ctx.Err() == nil {
			slog.Warn("the runtime does not say what it has", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-connected:
			e.pods.WakeAll()
		case <-ticker.C:
		}
	}
}

// keepListening calls the runtime again whenever the stream of events ends.
func (e *ear) keepListening(ctx context.Context, connected chan<- struct{}) {
	for down := false; ctx.Err() == nil; down = true {
		err := e.listen(ctx, func() {
			down = false
			select {
			case connected <- struct{}{}:
			default: // that was to be done anyway
			}
		})
		if !down && ctx.Err() == nil {
			slog.Warn("lost the runtime's events, will call again", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(reconnect):
		}
	}
}

// listen follows the stream of events. Once it is open nothing is missed: then opened is called.
func (e *ear) listen(ctx context.Context, opened func()) error {
	stream, err := e.runtime.GetContainerEvents(ctx, &runtimeapi.GetEventsRequest{})
	if err != nil {
		return err
	}
	if _, err := stream.Header(); err != nil {
		return err
	}
	opened()
	for {
		event, err := stream.Recv()
		if err != nil {
			return err
		}
		if event.ContainerEventType != runtimeapi.ContainerEventType_CONTAINER_STOPPED_EVENT {
			continue // our own doing: we know
		}
		pod := event.GetPodSandboxStatus().GetMetadata()
		e.pods.Wake(operator.Key{Namespace: pod.GetNamespace(), Name: pod.GetName()})
	}
}

// relist wakes the pods in which anything is otherwise than the last time.
func (e *ear) relist(ctx context.Context) error {
	sandboxes, err := e.runtime.ListPodSandbox(ctx, &runtimeapi.ListPodSandboxRequest{})
	if err != nil {
		return fmt.Errorf("list sandboxes: %w", err)
	}
	containers, err := e.runtime.ListContainers(ctx, &runtimeapi.ListContainersRequest{})
	if err != nil {
		return fmt.Errorf("list containers: %w", err)
	}
	now := map[operator.Key]map[string]string{}
	note := func(labels map[string]string, id, state string) {
		if pod, ours := pods.KeyOf(labels); ours {
			if now[pod] == nil {
				now[pod] = map[string]string{}
			}
			now[pod][id] = state
		}
	}
	for _, s := range sandboxes.Items {
		note(s.Labels, s.Id, s.State.String())
	}
	for _, c := range containers.Containers {
		note(c.Labels, c.Id, c.State.String())
	}
	for pod := range e.known {
		if now[pod] == nil {
			e.pods.Wake(pod)
		}
	}
	for pod, states := range now {
		if !maps.Equal(states, e.known[pod]) {
			e.pods.Wake(pod)
		}
	}
	e.known = now
	return nil
}
