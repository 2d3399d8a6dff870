//go:build linux

package runtime

import (
	"context"
	"fmt"
	"slices"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
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

// imageUser says which container has an image as its root file system, and is empty if none has.
func (r *Runtime) imageUser(image string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, c := range r.containers {
		if c.record.Told.ImageId == image && c.sandbox.ready {
			return fmt.Sprintf("%s (%s)", id, c.name())
		}
	}
	return ""
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
		sandbox := c.sandbox.shim.Sandbox
		response.Info = info(map[string]any{
			"sandboxID": sandbox.ID, "pid": c.status.PID, "cgroup": sandbox.CgroupPath(c.id()), "rootfs": sandbox.RootDir(c.id()),
		})
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
		if !c.told || !matches(filter.GetId(), id) || !matches(filter.GetPodSandboxId(), c.sandbox.record.ID) ||
			!labelled(filter.GetLabelSelector(), told.Labels) || filter.GetState() != nil && filter.GetState().State != criStates[c.status.State] {
			continue
		}
		response.Containers = append(response.Containers, &cri.Container{
			Id: id, PodSandboxId: c.sandbox.record.ID, Metadata: told.Metadata, Image: told.Image, ImageRef: told.ImageRef, ImageId: told.ImageId,
			State: criStates[c.status.State], CreatedAt: told.CreatedAt, Labels: told.Labels, Annotations: told.Annotations,
		})
	}
	slices.SortFunc(response.Containers, func(a, b *cri.Container) int { return int(a.CreatedAt - b.CreatedAt) })
	return response, nil
}
