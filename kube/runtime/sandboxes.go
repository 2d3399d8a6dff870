//go:build linux

package runtime

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/containers"
	"kubelab/kube/runtime/spec"
	"kubelab/kube/runtime/steps"
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
	if err := spec.CheckSandbox(config, request.GetRuntimeHandler()); err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	steps.About(ctx, config.Metadata)
	if err := r.endQuarantined(ctx, config.Metadata); err != nil {
		return nil, err
	}
	if config.Hostname == "" {
		config.Hostname = spec.Hostname(config)
	}
	if config.Hostname == "" { // it goes by the node's
		var err error
		if config.Hostname, err = os.Hostname(); err != nil {
			return nil, err
		}
	}
	sb := &sandbox{ready: true, containers: map[string]*container{}, record: sandboxRecord{
		ID: newID(), CreatedAt: time.Now(), Config: config, Cgroup: config.GetLinux().GetCgroupParent(),
	}}
	if config.LogDirectory == "" { // no kubelet keeps the logs: they go with the sandbox
		config.LogDirectory = filepath.Join(r.sandboxDir(sb.record.ID), "logs")
	}
	if sb.record.Cgroup == "" {
		r.ownCgroup(&sb.record)
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

func (r *Runtime) ownCgroup(record *sandboxRecord) {
	record.Cgroup, record.OwnCgroup = filepath.Join(r.config.CgroupParent, record.ID), true
}

// makeSandbox makes all of a sandbox, and its record at last. Nobody else knows of sb yet.
func (r *Runtime) makeSandbox(ctx context.Context, sb *sandbox) error {
	record := &sb.record
	if err := os.MkdirAll(r.sandboxDir(record.ID), 0o700); err != nil {
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
	steps.Note(ctx, "start shim", "sandbox %s", record.ID)
	sb.shim = shim
	r.follow(sb)
	return writeRecord(r.recordFile(record.ID), record)
}

// shimConfig is the sandbox as the containers room knows it.
func (r *Runtime) shimConfig(record sandboxRecord) containers.Sandbox {
	return containers.Sandbox{
		ID: record.ID, Dir: r.shimDir(record.ID), NetNS: record.NetNS, Hostname: spec.Hostname(record.Config),
		HostIPC:      spec.Namespaces(record.Config).GetIpc() == cri.NamespaceMode_NODE,
		SharePID:     spec.SharesPID(spec.Namespaces(record.Config)),
		CgroupParent: record.Cgroup, Sysctls: record.Config.GetLinux().GetSysctls(),
	}
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
		response.Info = info(map[string]any{"netns": sb.record.NetNS, "cgroup": sb.record.Cgroup, "directory": r.sandboxDir(sb.record.ID), "trouble": text(sb.trouble)})
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
			Labels: sb.record.Config.Labels, Annotations: sb.record.Config.Annotations,
		})
	}
	return response, nil
}
