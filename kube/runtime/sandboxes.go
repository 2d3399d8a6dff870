//go:build linux

package runtime

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/containers"
)

// newID is a name that no other sandbox or container has had.
func newID() string {
	var id [16]byte
	rand.Read(id[:]) // never fails
	return hex.EncodeToString(id[:])
}

// RunPodSandbox makes what a pod's containers will share.
func (r *Runtime) RunPodSandbox(ctx context.Context, request *cri.RunPodSandboxRequest) (*cri.RunPodSandboxResponse, error) {
	config := request.GetConfig()
	if err := CheckSandbox(config, request.GetRuntimeHandler()); err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	about(ctx, config.Metadata)
	sb := &sandbox{containers: map[string]*container{}, record: sandboxRecord{
		ID: newID(), Phase: Ready, CreatedAt: time.Now(), Config: config, Cgroup: config.GetLinux().GetCgroupParent(),
	}}
	if config.LogDirectory == "" { // no kubelet keeps the logs: they go with the sandbox
		config.LogDirectory = filepath.Join(r.sandboxDir(sb.record.ID), "logs")
	}
	if sb.record.Cgroup == "" {
		sb.record.Cgroup, sb.record.OwnCgroup = filepath.Join(r.config.CgroupParent, sb.record.ID), true
	}
	if err := r.makeSandbox(ctx, sb); err != nil {
		undone := r.discard(context.WithoutCancel(ctx), sb.record)
		return nil, errors.Join(fmt.Errorf("make the sandbox of pod %s/%s: %w", config.Metadata.Namespace, config.Metadata.Name, err), undone)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sandboxes[sb.record.ID] = sb
	r.tell(cri.ContainerEventType_CONTAINER_CREATED_EVENT, sb, sb.record.ID)
	r.tell(cri.ContainerEventType_CONTAINER_STARTED_EVENT, sb, sb.record.ID)
	return &cri.RunPodSandboxResponse{PodSandboxId: sb.record.ID}, nil
}

// makeSandbox makes all of a sandbox, and its record at last. Nobody else knows of sb yet.
func (r *Runtime) makeSandbox(ctx context.Context, sb *sandbox) error {
	record := &sb.record
	if err := os.MkdirAll(filepath.Join(r.sandboxDir(record.ID), "containers"), 0o700); err != nil {
		return err
	}
	if err := r.plugIn(ctx, record); err != nil {
		return err
	}
	if err := r.writePodFiles(*record); err != nil {
		return err
	}
	shim, err := containers.StartShim(ctx, r.config.Shim, r.shimConfig(*record))
	if err != nil {
		return err
	}
	note(ctx, "start shim", "sandbox %s", record.ID)
	sb.shim = shim
	if err := r.follow(sb); err != nil {
		return err
	}
	return r.writeSandbox(*record)
}

// shimConfig is the sandbox as the containers room knows it.
func (r *Runtime) shimConfig(record sandboxRecord) containers.Sandbox {
	options := namespaces(record.Config)
	config := containers.Sandbox{
		ID: record.ID, Dir: r.shimDir(record.ID), NetNS: record.NetNS, Hostname: record.Config.GetHostname(),
		HostIPC:      options.GetIpc() == cri.NamespaceMode_NODE,
		CgroupParent: record.Cgroup, Sysctls: record.Config.GetLinux().GetSysctls(),
	}
	if options.GetNetwork() == cri.NamespaceMode_NODE {
		config.Hostname = "" // who uses the node's network goes by the node's name
	}
	return config
}

// follow listens to the sandbox's shim until the sandbox is taken down. Should the shim die before, that takes it down.
func (r *Runtime) follow(sb *sandbox) error {
	ctx, unfollow := context.WithCancel(r.context)
	exits, err := sb.shim.Exits(ctx)
	if err != nil {
		unfollow()
		return err
	}
	sb.unfollow = unfollow
	r.following.Go(func() {
		defer unfollow()
		for exit := range exits {
			r.mu.Lock()
			c := sb.containers[exit.ID]
			r.mu.Unlock()
			if c != nil {
				r.heard(c, exit)
			}
		}
		if ctx.Err() != nil {
			return
		}
		slog.Warn("a shim died, and its pod's containers with it", "sandbox", sb.record.ID)
		if err := r.takeDown(r.context, sb); err != nil {
			slog.Error("take down the sandbox of a dead shim", "sandbox", sb.record.ID, "error", err)
		}
	})
	return nil
}

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

// PodSandboxStatus tells all about one sandbox and its containers.
func (r *Runtime) PodSandboxStatus(_ context.Context, request *cri.PodSandboxStatusRequest) (*cri.PodSandboxStatusResponse, error) {
	sb, err := r.findSandbox(request.GetPodSandboxId())
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	response := &cri.PodSandboxStatusResponse{
		Status: sb.status(), ContainersStatuses: sb.statuses(), Timestamp: time.Now().UnixNano(),
	}
	if request.GetVerbose() {
		response.Info = info(map[string]any{"netns": sb.record.NetNS, "cgroup": sb.record.Cgroup, "directory": r.sandboxDir(sb.record.ID)})
	}
	return response, nil
}

// ListPodSandbox lists those that the filter lets through.
func (r *Runtime) ListPodSandbox(_ context.Context, request *cri.ListPodSandboxRequest) (*cri.ListPodSandboxResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	response := &cri.ListPodSandboxResponse{}
	filter := request.GetFilter()
	for id, sb := range r.sandboxes {
		if !matches(filter.GetId(), id) || !labelled(filter.GetLabelSelector(), sb.record.Config.GetLabels()) ||
			filter.GetState() != nil && filter.GetState().State != sb.state() {
			continue
		}
		response.Items = append(response.Items, &cri.PodSandbox{
			Id: id, Metadata: sb.record.Config.Metadata, State: sb.state(), CreatedAt: sb.record.CreatedAt.UnixNano(),
			Labels: sb.record.Config.Labels, Annotations: sb.record.Config.Annotations, RuntimeHandler: sb.record.Handler,
		})
	}
	return response, nil
}
