//go:build linux

package runtime

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/containers"
	"kubelab/kube/runtime/spec"
)

// sandbox is one that the runtime has. What is not said to be otherwise is guarded by the runtime's lock.
type sandbox struct {
	// busy is held while containers are added or removed, and while the sandbox is taken down.
	busy       sync.Mutex
	record     sandboxRecord // never changes
	shim       *containers.Shim
	ready      bool  // its shim holds its namespaces, and containers may be added; later only files are left, until it is removed
	trouble    error // why it cannot be worked with at present: it counts as not ready, and can only be stopped
	unfollow   context.CancelFunc
	containers map[string]*container
}

// container is one of a sandbox's.
type container struct {
	sandbox *sandbox
	record  containerRecord // never changes
	status  containers.Status
	told    bool          // its creation has been told to the listeners
	exited  chan struct{} // closed when it has exited
}

func (c *container) id() string   { return c.record.Told.Id }
func (c *container) name() string { return c.record.Told.Metadata.Name }

func (r *Runtime) findSandbox(id string) (*sandbox, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if sb := r.sandboxes[id]; sb != nil {
		return sb, nil
	}
	return nil, status.Errorf(codes.NotFound, "no sandbox %q", id)
}

func (r *Runtime) findContainer(id string) (*container, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c := r.containers[id]; c != nil {
		return c, nil
	}
	return nil, status.Errorf(codes.NotFound, "no container %q", id)
}

// withShim is findContainer, and the shim to ask. There is none once the sandbox is not ready.
func (r *Runtime) withShim(id string) (*container, *containers.Shim, error) {
	c, err := r.findContainer(id)
	if err != nil {
		return nil, nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := c.sandbox.usable(); err != nil {
		return nil, nil, fmt.Errorf("container %s: %w", id, err)
	}
	return c, c.sandbox.shim, nil
}

// state is how the container is doing, as last heard.
func (r *Runtime) state(c *container) containers.Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	return c.status
}

// addContainer makes it known before it is there, so that no exit of it goes unheard.
func (r *Runtime) addContainer(c *container) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c.sandbox.containers[c.id()] = c
	r.containers[c.id()] = c
}

// forgetContainer is the end of its life; the listeners are told if they knew of it.
func (r *Runtime) forgetContainer(c *container) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(c.sandbox.containers, c.id())
	delete(r.containers, c.id())
	if c.told {
		r.tell(cri.ContainerEventType_CONTAINER_DELETED_EVENT, c.sandbox, c.id())
	}
}

// forgetSandbox is the end of a sandbox's life, and of all that it still has.
func (r *Runtime) forgetSandbox(sb *sandbox) {
	for _, c := range r.containersOf(sb) {
		r.forgetContainer(c)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sandboxes[sb.record.ID] != nil {
		delete(r.sandboxes, sb.record.ID)
		r.tell(cri.ContainerEventType_CONTAINER_DELETED_EVENT, sb, sb.record.ID)
	}
}

// created tells the listeners of a container that is there now, and what has been heard of it meanwhile.
func (r *Runtime) created(c *container) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c.told = true
	r.tell(cri.ContainerEventType_CONTAINER_CREATED_EVENT, c.sandbox, c.id())
	for _, event := range Transition(containers.Created, c.status) {
		r.tell(event, c.sandbox, c.id())
	}
}

// heard takes in news of a container from its shim, in whatever order it comes.
func (r *Runtime) heard(c *container, now containers.Status) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := c.status.State
	if stages[now.State] < stages[before] || before == containers.Exited {
		return
	}
	c.status = now
	if now.State == containers.Exited {
		close(c.exited)
	}
	if !c.told {
		return
	}
	for _, event := range Transition(before, now) {
		r.tell(event, c.sandbox, c.id())
	}
}

// status is a sandbox as CRI tells it. The lock is held.
func (sb *sandbox) status() *cri.PodSandboxStatus {
	config := sb.record.Config
	return &cri.PodSandboxStatus{
		Id: sb.record.ID, Metadata: config.GetMetadata(), State: sb.state(), CreatedAt: sb.record.CreatedAt.UnixNano(),
		Network: &cri.PodSandboxNetworkStatus{Ip: sb.record.IP},
		Linux:   &cri.LinuxPodSandboxStatus{Namespaces: &cri.Namespace{Options: spec.Namespaces(config)}},
		Labels:  config.GetLabels(), Annotations: config.GetAnnotations(),
	}
}

// usable says why nothing can be done in the sandbox any more. The lock is held.
func (sb *sandbox) usable() error {
	switch {
	case !sb.ready:
		return status.Errorf(codes.FailedPrecondition, "sandbox %s is stopped: its containers have exited, and its pod needs a new one", sb.record.ID)
	case sb.trouble != nil:
		return status.Errorf(codes.Unavailable, "sandbox %s cannot be worked with, stop it: %v", sb.record.ID, sb.trouble)
	}
	return nil
}

func (sb *sandbox) state() cri.PodSandboxState {
	if sb.usable() == nil {
		return cri.PodSandboxState_SANDBOX_READY
	}
	return cri.PodSandboxState_SANDBOX_NOTREADY
}

// statuses are those of a sandbox's containers, oldest first. The lock is held.
func (sb *sandbox) statuses() []*cri.ContainerStatus {
	var all []*cri.ContainerStatus
	for _, c := range sb.containers {
		if c.told {
			all = append(all, c.criStatus())
		}
	}
	slices.SortFunc(all, func(a, b *cri.ContainerStatus) int { return int(a.CreatedAt - b.CreatedAt) })
	return all
}

// criStatus is a container as CRI tells it. The lock is held.
func (c *container) criStatus() *cri.ContainerStatus {
	told := proto.CloneOf(c.record.Told)
	now := c.status
	told.State = criStates[now.State]
	told.StartedAt, told.FinishedAt = nanos(now.StartedAt), nanos(now.FinishedAt)
	told.ExitCode, told.Reason, told.Message = int32(now.ExitCode), now.Reason, now.Message
	return told
}

var criStates = map[containers.State]cri.ContainerState{
	containers.Created: cri.ContainerState_CONTAINER_CREATED,
	containers.Running: cri.ContainerState_CONTAINER_RUNNING,
	containers.Exited:  cri.ContainerState_CONTAINER_EXITED,
}

// nanos is a time as CRI has it: nanoseconds since 1970, 0 for never.
func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// awaitExit returns when the container has exited, or says why it was not waited for any longer.
func awaitExit(ctx context.Context, c *container) error {
	select {
	case <-c.exited:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for container %s to exit: %w", c.id(), context.Cause(ctx))
	}
}
