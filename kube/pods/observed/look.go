package observed

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"k8s.io/apimachinery/pkg/types"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/operator"
	"kubelab/kube/pods/cri"
)

// Hear takes in an event of the runtime, and says what was news of which pods. An event that leaves out what it is about costs a look
// at the runtime; its errors are those of the runtime.
func (o *Pods) Hear(ctx context.Context, event *runtimeapi.ContainerEventResponse) (map[operator.Key]News, error) {
	id, sandbox := event.GetContainerId(), event.GetPodSandboxStatus()
	if event.ContainerEventType == runtimeapi.ContainerEventType_CONTAINER_DELETED_EVENT {
		pod, news := o.Gone(id)
		return map[operator.Key]News{pod: news}, nil
	}
	pod, known := o.known(id)
	var tells Records
	told := sandbox.GetId() == id
	if sandbox != nil {
		if pod = podOfLabels(sandbox.Labels); pod.UID == "" {
			return nil, nil // not ours
		}
		tells.Sandboxes = append(tells.Sandboxes, sandboxOf(sandbox))
	}
	for _, is := range event.GetContainersStatuses() {
		if sandbox == nil && (is.GetId() != id || len(known.Containers) == 0) {
			continue // in which sandbox, it does not say
		}
		told = told || is.GetId() == id
		tells.Containers = append(tells.Containers, o.containerOf(ctx, sandbox.GetId(), is))
	}
	if told {
		return map[operator.Key]News{pod.Key: o.Event(pod, tells)}, nil
	}
	only := &pod.Key
	if pod.UID == "" {
		only = nil
	}
	return o.Look(ctx, only)
}

// Look asks the runtime what it has, or what it has under a pod's name, and says what is news of which pods. It asks for the status only of what
// is listed otherwise than it is known. What the runtime cannot say of one pod is no error: it says all the same what it has of the others.
func (o *Pods) Look(ctx context.Context, only *operator.Key) (map[operator.Key]News, error) {
	var named map[string]string
	if only != nil {
		named = map[string]string{cri.LabelNamespace: only.Namespace, cri.LabelName: only.Name}
	}
	asked := o.Ask()
	sandboxes, err := o.runtime.ListPodSandbox(ctx, &runtimeapi.ListPodSandboxRequest{Filter: &runtimeapi.PodSandboxFilter{LabelSelector: named}})
	if err != nil {
		return nil, fmt.Errorf("list sandboxes: %w", err)
	}
	containers, err := o.runtime.ListContainers(ctx, &runtimeapi.ListContainersRequest{Filter: &runtimeapi.ContainerFilter{LabelSelector: named}})
	if err != nil {
		return nil, fmt.Errorf("list containers: %w", err)
	}
	all, unclear := map[Pod]Records{}, map[operator.Key]error{}
	for _, listed := range sandboxes.Items {
		if err := o.lookAtSandbox(ctx, listed, all); goneAway(ctx, err) {
			return nil, err
		} else if err != nil {
			unclear[podOfLabels(listed.Labels).Key] = err
		}
	}
	for _, listed := range containers.Containers {
		if err := o.lookAtContainer(ctx, listed, all); goneAway(ctx, err) {
			return nil, err
		} else if err != nil {
			unclear[podOfLabels(listed.Labels).Key] = err
		}
	}
	for pod, err := range unclear {
		slog.WarnContext(ctx, "what the runtime has of a pod is not known", "pod", pod, "error", err)
	}
	return o.Answered(asked, all, unclear, only), nil
}

// goneAway says of an error that it is the runtime's, or our own haste, and not one sandbox's.
func goneAway(ctx context.Context, err error) bool {
	return err != nil && (ctx.Err() != nil || status.Code(err) == codes.Unavailable)
}

// lookAtSandbox adds a sandbox to all, unless it has gone meanwhile or is not ours.
func (o *Pods) lookAtSandbox(ctx context.Context, listed *runtimeapi.PodSandbox, all map[Pod]Records) error {
	pod := podOfLabels(listed.Labels)
	if pod.UID == "" {
		return nil
	}
	_, known := o.known(listed.Id)
	if len(known.Sandboxes) == 0 || known.Sandboxes[0].Ready != (listed.State == runtimeapi.PodSandboxState_SANDBOX_READY) {
		answer, err := o.runtime.PodSandboxStatus(ctx, &runtimeapi.PodSandboxStatusRequest{PodSandboxId: listed.Id})
		if status.Code(err) == codes.NotFound {
			return nil
		}
		if err != nil {
			return fmt.Errorf("look at sandbox %s: %w", listed.Id, err)
		}
		is := sandboxOf(answer.GetStatus())
		is.ID, is.Attempt = listed.Id, int(listed.GetMetadata().GetAttempt())
		known.Sandboxes = []Sandbox{is}
	}
	has := all[pod]
	has.Sandboxes = append(has.Sandboxes, known.Sandboxes...)
	all[pod] = has
	return nil
}

// lookAtContainer adds a container to all, unless it has gone meanwhile or is not ours.
func (o *Pods) lookAtContainer(ctx context.Context, listed *runtimeapi.Container, all map[Pod]Records) error {
	pod := podOfLabels(listed.Labels)
	if pod.UID == "" {
		return nil
	}
	_, known := o.known(listed.Id)
	if len(known.Containers) == 0 || known.Containers[0].State != states[listed.State] {
		answer, err := o.runtime.ContainerStatus(ctx, &runtimeapi.ContainerStatusRequest{ContainerId: listed.Id})
		if status.Code(err) == codes.NotFound {
			return nil
		}
		if err != nil {
			return fmt.Errorf("look at container %s: %w", listed.Id, err)
		}
		known.Containers = []Container{o.containerOf(ctx, listed.PodSandboxId, answer.GetStatus())}
	}
	has := all[pod]
	has.Containers = append(has.Containers, known.Containers...)
	all[pod] = has
	return nil
}

// podOfLabels is the pod that the labels of a sandbox or container name. Without a UID it is none of ours.
func podOfLabels(labels map[string]string) Pod {
	return Pod{operator.Key{Namespace: labels[cri.LabelNamespace], Name: labels[cri.LabelName]}, types.UID(labels[cri.LabelUID])}
}

func sandboxOf(is *runtimeapi.PodSandboxStatus) Sandbox {
	sandbox := Sandbox{
		ID: is.GetId(), Attempt: int(is.GetMetadata().GetAttempt()), Ready: is.GetState() == runtimeapi.PodSandboxState_SANDBOX_READY,
	}
	network := is.GetNetwork()
	if network.GetIp() != "" {
		sandbox.IPs = append(sandbox.IPs, network.Ip)
	}
	for _, more := range network.GetAdditionalIps() {
		sandbox.IPs = append(sandbox.IPs, more.Ip)
	}
	return sandbox
}

var states = map[runtimeapi.ContainerState]State{
	runtimeapi.ContainerState_CONTAINER_CREATED: Created,
	runtimeapi.ContainerState_CONTAINER_RUNNING: Running,
	runtimeapi.ContainerState_CONTAINER_EXITED:  Exited,
}

// containerOf is the record of one attempt. How it ended is read when it has: later it says no more.
func (o *Pods) containerOf(ctx context.Context, sandbox string, is *runtimeapi.ContainerStatus) Container {
	streak, _ := strconv.Atoi(is.GetAnnotations()[cri.AnnotationStreak]) // of a container that is not ours: none
	record := Container{
		ID: is.GetId(), Sandbox: sandbox,
		Name: is.GetLabels()[cri.LabelContainer], Attempt: int(is.GetMetadata().GetAttempt()), Streak: streak,
		State: states[is.GetState()], Image: is.GetAnnotations()[cri.AnnotationImage], ImageID: is.GetImageRef(),
		Started: moment(is.GetStartedAt()), Finished: moment(is.GetFinishedAt()),
		StopSignal: cri.StopSignalOf(is.GetStopSignal()), ExitCode: is.GetExitCode(), Reason: is.GetReason(), Message: is.GetMessage(),
	}
	if _, known := o.known(record.ID); record.State == Exited && (len(known.Containers) == 0 || known.Containers[0].State != Exited) {
		record.Message = said(record.Message, o.words(ctx, is))
	}
	return record
}

// moment is a time of the CRI: nanoseconds since 1970, 0 for none.
func moment(nanoseconds int64) time.Time {
	if nanoseconds == 0 {
		return time.Time{}
	}
	return time.Unix(0, nanoseconds)
}
