//go:build linux

package runtime

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/containers"
	"kubelab/kube/mounts"
	"kubelab/kube/removal"
	"kubelab/kube/runtime/steps"
)

// StopPodSandbox ends all that runs in the sandbox and gives its network back. Records and logs stay.
func (r *Runtime) StopPodSandbox(ctx context.Context, request *cri.StopPodSandboxRequest) (*cri.StopPodSandboxResponse, error) {
	sb, err := r.findSandbox(request.GetPodSandboxId())
	if err != nil {
		return &cri.StopPodSandboxResponse{}, nil // it is as stopped as can be
	}
	steps.About(ctx, sb.record.Config.Metadata)
	return &cri.StopPodSandboxResponse{}, r.takeDown(ctx, sb)
}

// RemovePodSandbox removes a sandbox, its containers and all that is known of them. Logs belong to the kubelet.
func (r *Runtime) RemovePodSandbox(ctx context.Context, request *cri.RemovePodSandboxRequest) (*cri.RemovePodSandboxResponse, error) {
	sb, err := r.findSandbox(request.GetPodSandboxId())
	if err != nil {
		return &cri.RemovePodSandboxResponse{}, nil
	}
	steps.About(ctx, sb.record.Config.Metadata)
	sb.busy.Lock()
	defer sb.busy.Unlock()
	return &cri.RemovePodSandboxResponse{}, r.end(ctx, sb, PlanRemoval(sb.ready, sb.record.OwnCgroup))
}

// takeDown makes a sandbox not ready. It can be repeated after an error or a crash.
func (r *Runtime) takeDown(ctx context.Context, sb *sandbox) error {
	sb.busy.Lock()
	defer sb.busy.Unlock()
	return r.end(ctx, sb, PlanStop(sb.ready, sb.record.OwnCgroup))
}

// discard removes all traces of a sandbox that nobody knows of.
func (r *Runtime) discard(ctx context.Context, record sandboxRecord) error {
	shim, err := containers.ConnectShim(r.shimDir(record.ID))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("discard sandbox %s: %w", record.ID, err)
	}
	return r.end(ctx, &sandbox{record: record, shim: shim}, PlanDiscard(record.OwnCgroup))
}

// end carries out a plan, up to the first step that fails. The caller holds the sandbox.
func (r *Runtime) end(ctx context.Context, sb *sandbox, plan []Step) error {
	for _, step := range plan {
		if err := r.endStep(ctx, sb, step); err != nil {
			return fmt.Errorf("end sandbox %s, %s: %w", sb.record.ID, step, err)
		}
	}
	return nil
}

func (r *Runtime) endStep(ctx context.Context, sb *sandbox, step Step) error {
	id := sb.record.ID
	switch step {
	case StopShim:
		return r.stopShim(ctx, sb)
	case Unplug:
		return r.unplug(ctx, id)
	case Unmount:
		return mounts.Drop(r.sandboxDir(id)) // of a shim that was killed and had no time for it
	case RemoveCgroup:
		return containers.RemoveCgroup(sb.record.Cgroup)
	case TellEnds:
		return r.tellEnds(ctx, sb)
	case RemoveRecord:
		if err := os.Remove(r.recordFile(id)); !errors.Is(err, os.ErrNotExist) {
			return err
		}
	case RemoveFiles:
		return removal.All(r.sandboxDir(id))
	case Forget:
		r.forgetSandbox(sb)
	}
	return nil
}

// killPatience is how long SIGKILL may take: a process in the middle of I/O dies when that is over.
const killPatience = 10 * time.Second

// stopShim ends what runs in a sandbox, and whoever follows it.
func (r *Runtime) stopShim(ctx context.Context, sb *sandbox) error {
	if sb.unfollow != nil {
		sb.unfollow()
	}
	if sb.shim == nil {
		return nil
	}
	patience, cancel := context.WithTimeout(ctx, killPatience)
	defer cancel()
	if err := sb.shim.Stop(patience); err != nil {
		return err
	}
	steps.Note(ctx, "stop shim", "sandbox %s", sb.record.ID)
	return nil
}

// tellEnds takes in, from the files that the shim has left, how each container ended. Then the sandbox is not ready.
func (r *Runtime) tellEnds(ctx context.Context, sb *sandbox) error {
	left, err := sb.shim.List(ctx)
	if err != nil {
		return err
	}
	for _, status := range left {
		if c, err := r.findContainer(status.ID); err == nil && r.state(c).State != containers.Exited {
			r.heard(c, status)
			steps.Note(ctx, "end container", "%s, exit code %d", c.name(), status.ExitCode)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	sb.ready, sb.trouble = false, nil
	r.tell(cri.ContainerEventType_CONTAINER_STOPPED_EVENT, sb, sb.record.ID)
	return nil
}
