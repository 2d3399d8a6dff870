//go:build linux

package runtime

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/containers"
)

// containersOf are a sandbox's, in no order.
func (r *Runtime) containersOf(sb *sandbox) []*container {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []*container
	for _, c := range sb.containers {
		all = append(all, c)
	}
	return all
}

// ContainerStatus tells all about one container.
func (r *Runtime) ContainerStatus(_ context.Context, request *cri.ContainerStatusRequest) (*cri.ContainerStatusResponse, error) {
	c, err := r.findContainer(request.GetContainerId())
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	response := &cri.ContainerStatusResponse{Status: c.criStatus()}
	if request.GetVerbose() {
		about := map[string]any{"sandboxID": c.record.SandboxID, "pid": c.status.PID, "cgroup": filepath.Join(c.sandbox.record.Cgroup, c.record.ID)}
		if shim := c.sandbox.shim; shim != nil {
			about["rootfs"] = shim.Sandbox.RootDir(c.record.ID)
		}
		response.Info = info(about)
	}
	return response, nil
}

// ListContainers lists those that the filter lets through, oldest first.
func (r *Runtime) ListContainers(_ context.Context, request *cri.ListContainersRequest) (*cri.ListContainersResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	response := &cri.ListContainersResponse{}
	filter := request.GetFilter()
	for id, c := range r.containers {
		told := c.record.Told
		if !c.told || !matches(filter.GetId(), id) || !matches(filter.GetPodSandboxId(), c.record.SandboxID) ||
			!labelled(filter.GetLabelSelector(), told.Labels) || filter.GetState() != nil && filter.GetState().State != criStates[c.status.State] {
			continue
		}
		response.Containers = append(response.Containers, &cri.Container{
			Id: id, PodSandboxId: c.record.SandboxID, Metadata: told.Metadata, Image: told.Image, ImageRef: told.ImageRef, ImageId: told.ImageId,
			State: criStates[c.status.State], CreatedAt: told.CreatedAt, Labels: told.Labels, Annotations: told.Annotations,
		})
	}
	slices.SortFunc(response.Containers, func(a, b *cri.Container) int { return int(a.CreatedAt - b.CreatedAt) })
	return response, nil
}

// ContainerStats tells what one container uses. One that does not run uses nothing but disk.
func (r *Runtime) ContainerStats(ctx context.Context, request *cri.ContainerStatsRequest) (*cri.ContainerStatsResponse, error) {
	c, err := r.findContainer(request.GetContainerId())
	if err != nil {
		return nil, err
	}
	stats, err := r.stats(ctx, c)
	return &cri.ContainerStatsResponse{Stats: stats}, err
}

// ListContainerStats tells what the running containers use that the filter lets through.
func (r *Runtime) ListContainerStats(ctx context.Context, request *cri.ListContainerStatsRequest) (*cri.ListContainerStatsResponse, error) {
	filter := request.GetFilter()
	list, err := r.ListContainers(ctx, &cri.ListContainersRequest{Filter: &cri.ContainerFilter{
		Id: filter.GetId(), PodSandboxId: filter.GetPodSandboxId(), LabelSelector: filter.GetLabelSelector(),
		State: &cri.ContainerStateValue{State: cri.ContainerState_CONTAINER_RUNNING},
	}})
	if err != nil {
		return nil, err
	}
	response := &cri.ListContainerStatsResponse{}
	for _, listed := range list.Containers {
		c, err := r.findContainer(listed.Id)
		if err != nil {
			continue // it went meanwhile
		}
		stats, err := r.stats(ctx, c)
		if err != nil {
			return nil, err
		}
		response.Stats = append(response.Stats, stats)
	}
	return response, nil
}

func (r *Runtime) stats(ctx context.Context, c *container) (*cri.ContainerStats, error) {
	r.mu.Lock()
	shim, told := c.sandbox.shim, c.record.Told
	r.mu.Unlock()
	stats := &cri.ContainerStats{Attributes: &cri.ContainerAttributes{
		Id: told.Id, Metadata: told.Metadata, Labels: told.Labels, Annotations: told.Annotations,
	}}
	if shim == nil {
		return stats, nil
	}
	now := time.Now().UnixNano()
	used, inodes := diskUsage(shim.Sandbox.UpperDir(told.Id))
	stats.WritableLayer = &cri.FilesystemUsage{
		Timestamp: now, FsId: &cri.FilesystemIdentifier{Mountpoint: shim.Sandbox.UpperDir(told.Id)}, UsedBytes: count(used), InodesUsed: count(inodes),
	}
	usage, err := shim.Stats(ctx, told.Id)
	switch {
	case errors.Is(err, containers.ErrNotRunning) || errors.Is(err, containers.ErrNotFound) || errors.Is(err, containers.ErrShimDead):
		return stats, nil
	case err != nil:
		return nil, fmt.Errorf("measure container %s: %w", c.name, err)
	}
	stats.Cpu = &cri.CpuUsage{Timestamp: now, UsageCoreNanoSeconds: count(usage.CPUNanos)}
	stats.Memory = &cri.MemoryUsage{
		Timestamp: now, UsageBytes: count(usage.MemoryUsage), WorkingSetBytes: count(usage.MemoryWorkingSet), RssBytes: count(usage.MemoryRSS),
		PageFaults: count(usage.PageFaults), MajorPageFaults: count(usage.MajorPageFaults),
	}
	return stats, nil
}

func count(n uint64) *cri.UInt64Value { return &cri.UInt64Value{Value: n} }

// diskUsage is how many bytes the files below dir take up, and how many there are. What vanishes meanwhile does not count.
func diskUsage(dir string) (bytes, inodes uint64) {
	filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		if about, err := entry.Info(); err == nil {
			inodes++
			if raw, ok := about.Sys().(*syscall.Stat_t); ok {
				bytes += uint64(raw.Blocks) * 512
			}
		}
		return nil
	})
	return bytes, inodes
}
