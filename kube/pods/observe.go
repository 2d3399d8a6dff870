//go:build linux

package pods

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"k8s.io/apimachinery/pkg/types"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/operator"
)

// observe asks the runtime what it has under a pod's name. Different pods can have had the same name one
// after the other, so the answer is by UID.
func (o *Operator) observe(ctx context.Context, key operator.Key) (map[types.UID]*Current, error) {
	named := map[string]string{labelNamespace: key.Namespace, labelName: key.Name}
	sandboxes, err := o.runtime.ListPodSandbox(ctx, &runtimeapi.ListPodSandboxRequest{
		Filter: &runtimeapi.PodSandboxFilter{LabelSelector: named}})
	if err != nil {
		return nil, fmt.Errorf("list sandboxes of pod %s: %w", key, err)
	}
	containers, err := o.runtime.ListContainers(ctx, &runtimeapi.ListContainersRequest{
		Filter: &runtimeapi.ContainerFilter{LabelSelector: named}})
	if err != nil {
		return nil, fmt.Errorf("list containers of pod %s: %w", key, err)
	}
	found := map[types.UID]*Current{}
	at := func(labels map[string]string) *Current {
		uid := types.UID(labels[labelUID])
		if found[uid] == nil {
			found[uid] = &Current{Node: o.node}
		}
		return found[uid]
	}
	for _, listed := range sandboxes.Items {
		sandbox, err := o.sandbox(ctx, listed)
		if err != nil {
			return nil, err
		}
		if sandbox != nil {
			have := at(listed.Labels)
			have.Sandboxes = append(have.Sandboxes, *sandbox)
		}
	}
	for _, listed := range containers.Containers {
		record, err := o.container(ctx, listed)
		if err != nil {
			return nil, err
		}
		if record != nil {
			have := at(listed.Labels)
			have.Containers = append(have.Containers, *record)
		}
	}
	for _, have := range found {
		slices.SortFunc(have.Sandboxes, func(a, b Sandbox) int { return cmp.Compare(b.Attempt, a.Attempt) })
		slices.SortFunc(have.Containers, func(a, b Container) int {
			return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(b.Attempt, a.Attempt))
		})
	}
	return found, nil
}

// KeyOf is the pod that the labels of a sandbox or container in the runtime name. It is not ours if they name
// none.
func KeyOf(labels map[string]string) (pod operator.Key, ours bool) {
	return operator.Key{Namespace: labels[labelNamespace], Name: labels[labelName]}, labels[labelUID] != ""
}

// sandbox is one sandbox, or nil if it has gone meanwhile.
func (o *Operator) sandbox(ctx context.Context, listed *runtimeapi.PodSandbox) (*Sandbox, error) {
	answer, err := o.runtime.PodSandboxStatus(ctx, &runtimeapi.PodSandboxStatusRequest{PodSandboxId: listed.Id})
	if status.Code(err) == codes.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look at sandbox %s: %w", listed.Id, err)
	}
	sandbox := &Sandbox{
		ID: listed.Id, Attempt: int(listed.GetMetadata().GetAttempt()),
		Ready: answer.GetStatus().GetState() == runtimeapi.PodSandboxState_SANDBOX_READY,
	}
	network := answer.GetStatus().GetNetwork()
	if network.GetIp() != "" {
		sandbox.IPs = append(sandbox.IPs, network.Ip)
	}
	for _, more := range network.GetAdditionalIps() {
		sandbox.IPs = append(sandbox.IPs, more.Ip)
	}
	return sandbox, nil
}

var states = map[runtimeapi.ContainerState]State{
	runtimeapi.ContainerState_CONTAINER_CREATED: Created,
	runtimeapi.ContainerState_CONTAINER_RUNNING: Running,
	runtimeapi.ContainerState_CONTAINER_EXITED:  Exited,
}

// container is the record of one attempt, or nil if it has gone meanwhile.
func (o *Operator) container(ctx context.Context, listed *runtimeapi.Container) (*Container, error) {
	answer, err := o.runtime.ContainerStatus(ctx, &runtimeapi.ContainerStatusRequest{ContainerId: listed.Id})
	if status.Code(err) == codes.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look at container %s: %w", listed.Id, err)
	}
	is := answer.GetStatus()
	streak, _ := strconv.Atoi(is.GetAnnotations()[annotationStreak]) // of a container that is not ours: none
	record := &Container{
		ID: listed.Id, Sandbox: listed.PodSandboxId,
		Name: is.GetLabels()[labelContainer], Attempt: int(is.GetMetadata().GetAttempt()), Streak: streak,
		State: states[is.GetState()], Image: is.GetAnnotations()[annotationImage], ImageID: is.GetImageRef(),
		Started: moment(is.GetStartedAt()), Finished: moment(is.GetFinishedAt()),
		ExitCode: is.GetExitCode(), Reason: is.GetReason(), Message: is.GetMessage(),
	}
	if record.State == Exited {
		record.Message = said(record.Message, o.lastWords(ctx, is))
	}
	return record, nil
}

// moment is a time of the CRI: nanoseconds since 1970, 0 for none.
func moment(nanoseconds int64) time.Time {
	if nanoseconds == 0 {
		return time.Time{}
	}
	return time.Unix(0, nanoseconds)
}
