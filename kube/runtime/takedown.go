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
)

// StopPodSandbox ends all that runs in the sandbox and gives its network back. Records and logs stay.
func (r *Runtime) StopPodSandbox(ctx context.Context, request *cri.StopPodSandboxRequest) (*cri.StopPodSandboxResponse, error) {
	sb, err := r.findSandbox(request.GetPodSandboxId())
	if err != nil {
		return &cri.StopPodSandboxResponse{}, nil // it is as stopped as can be
	}
	about(ctx, sb.record.Config.Metadata)
	return &cri.StopPodSandboxResponse{}, r.takeDown(ctx, sb)
}

// takeDown makes a sandbox not ready. It can be repeated after an error or a crash.
func (r *Runtime) takeDown(ctx context.Context, sb *sandbox) error {
	sb.busy.Lock()
	defer sb.busy.Unlock()
	if !sb.ready {
		return nil
	}
	if sb.unfollow != nil {
		sb.unfollow()
	}
	if err := r.release(ctx, sb.shim, sb.record); err != nil {
		return fmt.Errorf("stop sandbox %s: %w", sb.record.ID, err)
	}
	left, err := sb.shim.List(ctx) // from the files: how each container ended
	if err != nil {
		return fmt.Errorf("stop sandbox %s: %w", sb.record.ID, err)
	}
	for _, status := range left {
		if c, err := r.findContainer(status.ID); err == nil && r.state(c).State != containers.Exited {
			r.heard(c, status)
			note(ctx, "end container", "%s, exit code %d", c.name(), status.ExitCode)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	sb.ready, sb.trouble = false, nil
	r.tell(cri.ContainerEventType_CONTAINER_STOPPED_EVENT, sb, sb.record.ID)
	return nil
}

// killPatience is how long SIGKILL may take: a process in the middle of I/O dies when that is over.
const killPatience = 10 * time.Second

// release ends what runs in a sandbox and gives everything back but its files. What is not there any more, or never was,
// is no error.
func (r *Runtime) release(ctx context.Context, shim *containers.Shim, record sandboxRecord) error {
	if shim != nil {
		patience, cancel := context.WithTimeout(ctx, killPatience)
		defer cancel()
		if err := shim.Stop(patience); err != nil {
			return err
		}
		note(ctx, "stop shim", "sandbox %s", record.ID)
	}
	if err := r.unplug(ctx, record.ID); err != nil {
		return err
	}
	if err := unmountBelow(r.sandboxDir(record.ID)); err != nil {
		return err
	}
	if record.OwnCgroup {
		return containers.RemoveCgroup(record.Cgroup)
	}
	return nil
}

// discard removes all traces of a sandbox that nobody knows of.
func (r *Runtime) discard(ctx context.Context, record sandboxRecord) error {
	shim, err := containers.ConnectShim(r.shimDir(record.ID))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("discard sandbox %s: %w", record.ID, err)
	}
	if err := r.release(ctx, shim, record); err != nil {
		return fmt.Errorf("discard sandbox %s: %w", record.ID, err)
	}
	return r.removeFiles(record.ID)
}

// removeFiles removes the record first: a directory without one is known to be on its way out.
func (r *Runtime) removeFiles(id string) error {
	err := os.Remove(r.recordFile(id))
	if err == nil || errors.Is(err, os.ErrNotExist) {
		err = os.RemoveAll(r.sandboxDir(id))
	}
	if err != nil {
		return fmt.Errorf("remove files of sandbox %s: %w", id, err)
	}
	return nil
}

// RemovePodSandbox removes a sandbox, its containers and all that is known of them. Logs belong to the kubelet.
func (r *Runtime) RemovePodSandbox(ctx context.Context, request *cri.RemovePodSandboxRequest) (*cri.RemovePodSandboxResponse, error) {
	sb, err := r.findSandbox(request.GetPodSandboxId())
	if err != nil {
		return &cri.RemovePodSandboxResponse{}, nil
	}
	about(ctx, sb.record.Config.Metadata)
	if err := r.takeDown(ctx, sb); err != nil {
		return nil, err
	}
	sb.busy.Lock()
	defer sb.busy.Unlock()
	if err := r.removeFiles(sb.record.ID); err != nil {
		return nil, err
	}
	for _, c := range r.containersOf(sb) {
		r.forgetContainer(c)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sandboxes[sb.record.ID] != nil {
		delete(r.sandboxes, sb.record.ID)
		r.tell(cri.ContainerEventType_CONTAINER_DELETED_EVENT, sb, sb.record.ID)
	}
	return &cri.RemovePodSandboxResponse{}, nil
}
