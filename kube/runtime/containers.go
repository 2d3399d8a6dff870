//go:build linux

package runtime

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/containers"
	"kubelab/kube/runtime/spec"
	"kubelab/kube/runtime/steps"
)

// CreateContainer prepares a container in a sandbox, up to the point where its command would begin.
func (r *Runtime) CreateContainer(ctx context.Context, request *cri.CreateContainerRequest) (*cri.CreateContainerResponse, error) {
	sb, err := r.findSandbox(request.GetPodSandboxId())
	if err != nil {
		return nil, err
	}
	steps.About(ctx, sb.record.Config.Metadata)
	config := request.GetConfig()
	if config.GetMetadata().GetName() == "" {
		return nil, status.Error(codes.InvalidArgument, "a container needs a name: metadata.name")
	}
	sb.busy.Lock()
	defer sb.busy.Unlock()
	r.mu.Lock()
	err = sb.usable()
	r.mu.Unlock()
	if err != nil {
		return nil, err
	}
	r.images.Use.RLock()
	defer r.images.Use.RUnlock()
	c := &container{sandbox: sb, exited: make(chan struct{})}
	wanted, err := r.wantedContainer(c, config)
	if err != nil {
		return nil, err
	}
	if err := prepareHost(wanted); err != nil {
		return nil, err
	}
	c.status = containers.Status{ID: wanted.ID, State: containers.Created, CreatedAt: time.Unix(0, c.record.Told.CreatedAt)}
	r.addContainer(c)
	// A caller that gives up does not stop it halfway: it would be neither there nor not there.
	if err := sb.shim.Create(context.WithoutCancel(ctx), wanted); err != nil {
		r.forgetContainer(c)
		return nil, err
	}
	steps.Note(ctx, "mount rootfs", "%s: %d layers of %s", c.name(), len(wanted.Layers), config.GetImage().GetImage())
	r.created(c)
	return &cri.CreateContainerResponse{ContainerId: wanted.ID}, nil
}

// wantedContainer fills in the record of c, and says what the shim shall make.
func (r *Runtime) wantedContainer(c *container, config *cri.ContainerConfig) (containers.Config, error) {
	image, err := r.images.Store.Get(config.GetImage().GetImage())
	if err != nil {
		return containers.Config{}, err
	}
	sandbox := c.sandbox.record
	signal, err := spec.StopSignal(config.GetStopSignal(), image.Config.StopSignal)
	if err != nil {
		return containers.Config{}, status.Errorf(codes.InvalidArgument, "container %s: %v", config.Metadata.Name, err)
	}
	wanted, err := spec.PlanContainer(newID(), config, sandbox.Config, image, r.images.Store.Layers(image), r.podMounts(sandbox.ID))
	if err != nil {
		return containers.Config{}, status.Errorf(codes.InvalidArgument, "container %s: %v", config.Metadata.Name, err)
	}
	c.record = containerRecord{StopSignal: int(signal), Told: &cri.ContainerStatus{
		Id: wanted.ID, Metadata: config.Metadata, CreatedAt: time.Now().UnixNano(), Image: config.Image, ImageRef: image.ID, ImageId: image.ID,
		Labels: config.Labels, Annotations: config.Annotations, Mounts: config.Mounts, LogPath: wanted.LogPath, StopSignal: spec.Told(signal),
		Resources: &cri.ContainerResources{Linux: config.GetLinux().GetResources()},
	}}
	record, err := json.Marshal(c.record)
	wanted.Note = string(record)
	return wanted, err
}

// prepareHost makes the directories that a container needs outside: for its log, and for what it mounts.
func prepareHost(wanted containers.Config) error {
	if wanted.LogPath != "" {
		if err := os.MkdirAll(filepath.Dir(wanted.LogPath), 0o700); err != nil {
			return fmt.Errorf("make the log's directory: %w", err)
		}
	}
	for _, mount := range wanted.Mounts {
		_, err := os.Stat(mount.Source)
		if mount.Source != "" && errors.Is(err, os.ErrNotExist) { // as containerd does, for hostPath volumes without a type
			err = os.MkdirAll(mount.Source, 0o755)
		}
		if mount.Source != "" && err != nil {
			return fmt.Errorf("mount %s at %s: %w", mount.Source, mount.Target, err)
		}
	}
	return nil
}

// StartContainer lets its command begin.
func (r *Runtime) StartContainer(ctx context.Context, request *cri.StartContainerRequest) (*cri.StartContainerResponse, error) {
	c, shim, err := r.withShim(request.GetContainerId())
	if err != nil {
		return nil, err
	}
	steps.About(ctx, c.sandbox.record.Config.Metadata)
	if err := shim.Start(ctx, c.id()); err != nil {
		if now, err := shim.Status(ctx, c.id()); err == nil {
			r.heard(c, now) // that it has exited is known when its caller looks
		}
		return nil, fmt.Errorf("start container %s: %w", c.name(), err)
	}
	now, err := shim.Status(ctx, c.id())
	if err != nil {
		return nil, err
	}
	r.heard(c, now)
	steps.Note(ctx, "start process", "%s, pid %d", c.name(), now.PID)
	return &cri.StartContainerResponse{}, nil
}

// StopContainer asks the container to end, and kills it when the grace period (seconds) is over.
func (r *Runtime) StopContainer(ctx context.Context, request *cri.StopContainerRequest) (*cri.StopContainerResponse, error) {
	c, shim, err := r.withShim(request.GetContainerId())
	if code := status.Code(err); code == codes.NotFound || code == codes.FailedPrecondition {
		return &cri.StopContainerResponse{}, nil // it does not run
	} else if err != nil {
		return nil, err
	}
	steps.About(ctx, c.sandbox.record.Config.Metadata)
	if r.state(c).State == containers.Exited {
		return &cri.StopContainerResponse{}, nil
	}
	grace := time.Duration(request.GetTimeout()) * time.Second
	if err := r.terminate(ctx, shim, c, grace); err != nil {
		return nil, fmt.Errorf("stop container %s: %w", c.name(), err)
	}
	end := r.state(c)
	steps.NoteAt(ctx, end.FinishedAt, "process exited", "%s, exit code %d", c.name(), end.ExitCode)
	return &cri.StopContainerResponse{}, nil
}

func (r *Runtime) terminate(ctx context.Context, shim *containers.Shim, c *container, grace time.Duration) error {
	name, pid := c.name(), r.state(c).PID
	if grace > 0 {
		signal := syscall.Signal(c.record.StopSignal)
		if err := shim.Signal(ctx, c.id(), signal); err != nil {
			return err
		}
		steps.Note(ctx, "signal process", "%s, pid %d: %v, then up to %v of grace", name, pid, signal, grace)
		steps.TellNow(ctx)
		patience, cancel := context.WithTimeout(ctx, grace)
		defer cancel()
		if awaitExit(patience, c) == nil {
			return nil
		} else if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	if err := shim.Signal(ctx, c.id(), syscall.SIGKILL); err != nil {
		return err
	}
	steps.Note(ctx, "kill process", "%s, pid %d: the grace is over", name, pid)
	return awaitExit(ctx, c)
}

// RemoveContainer removes a container, running or not, and what it has written. Its log belongs to the kubelet.
func (r *Runtime) RemoveContainer(ctx context.Context, request *cri.RemoveContainerRequest) (*cri.RemoveContainerResponse, error) {
	c, err := r.findContainer(request.GetContainerId())
	if err != nil {
		return &cri.RemoveContainerResponse{}, nil
	}
	steps.About(ctx, c.sandbox.record.Config.Metadata)
	c.sandbox.busy.Lock()
	defer c.sandbox.busy.Unlock()
	if r.state(c).State == containers.Running { // its end is heard of before it is forgotten
		err := c.sandbox.shim.Signal(ctx, c.id(), syscall.SIGKILL)
		if err == nil {
			err = awaitExit(ctx, c)
		}
		if err != nil && r.state(c).State != containers.Exited {
			return nil, fmt.Errorf("kill container %s: %w", c.name(), err)
		}
	}
	if err := c.sandbox.shim.Delete(ctx, c.id()); err != nil {
		return nil, err
	}
	r.forgetContainer(c)
	return &cri.RemoveContainerResponse{}, nil
}

// ReopenContainerLog makes a new log file after somebody has renamed the old one.
func (r *Runtime) ReopenContainerLog(ctx context.Context, request *cri.ReopenContainerLogRequest) (*cri.ReopenContainerLogResponse, error) {
	c, shim, err := r.withShim(request.GetContainerId())
	if err != nil {
		return nil, err
	}
	if r.state(c).State != containers.Running {
		return nil, status.Errorf(codes.FailedPrecondition, "container %s does not run, so nobody writes its log", c.id())
	}
	return &cri.ReopenContainerLogResponse{}, shim.ReopenLog(ctx, c.id())
}
