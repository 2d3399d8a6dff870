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

// takeDown makes a sandbox NotReady. It can be repeated after an error or a crash.
func (r *Runtime) takeDown(ctx context.Context, sb *sandbox) error {
	sb.busy.Lock()
	defer sb.busy.Unlock()
	if sb.record.Phase == NotReady {
		return nil
	}
	if err := r.endContainers(ctx, sb); err != nil {
		return fmt.Errorf("stop sandbox %s: %w", sb.record.ID, err)
	}
	if sb.unfollow != nil {
		sb.unfollow()
	}
	if err := r.release(ctx, sb.shim, sb.record); err != nil {
		return fmt.Errorf("stop sandbox %s: %w", sb.record.ID, err)
	}
	record := sb.record
	record.Phase = NotReady
	if err := r.writeSandbox(record); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	sb.record.Phase, sb.shim = NotReady, nil
	r.tell(cri.ContainerEventType_CONTAINER_STOPPED_EVENT, sb, record.ID)
	return nil
}

// killPatience is how long SIGKILL may take: a process in the middle of I/O dies when that is over.
const killPatience = 10 * time.Second

// endContainers kills what runs in a sandbox and records how each container ended, as its shim is about to go.
func (r *Runtime) endContainers(ctx context.Context, sb *sandbox) error {
	r.mu.Lock()
	var all []*container
	for _, c := range sb.containers {
		if c.record.Last == nil {
			all = append(all, c)
		}
	}
	r.mu.Unlock()
	for _, c := range all {
		if err := sb.shim.Signal(ctx, c.record.ID, sigKill); err != nil && !errors.Is(err, containers.ErrNotFound) {
			return err
		}
	}
	patience, cancel := context.WithTimeout(ctx, killPatience)
	defer cancel()
	for _, c := range all {
		if err := awaitExit(patience, c); err != nil {
			return err
		}
		record := c.record
		last := r.state(c)
		record.Last = &last
		if err := r.writeContainer(record); err != nil {
			return err
		}
		r.mu.Lock()
		c.record.Last = &last
		r.mu.Unlock()
		note(ctx, "end container", "%s, exit code %d", record.Told.Metadata.Name, last.ExitCode)
	}
	return nil
}

// release gives back everything of a sandbox but its records. What is not there any more, or never was, is no error.
func (r *Runtime) release(ctx context.Context, shim *containers.Shim, record sandboxRecord) error {
	if shim != nil {
		left, err := shim.List(ctx)
		if err != nil {
			return err
		}
		for _, status := range left {
			if err := shim.Delete(ctx, status.ID); err != nil {
				return err
			}
		}
		if err := shim.Stop(ctx); err != nil {
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
	err := os.Remove(r.sandboxFile(id, "sandbox.json"))
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
