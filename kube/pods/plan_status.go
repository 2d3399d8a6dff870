package pods

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"kubelab/kube/api/podspec"
	"kubelab/kube/pods/observed"
	"kubelab/kube/pods/refusal"
)

// The reasons for which a container waits. People look them up: they are Kubernetes' own.
const (
	ContainerCreating          = "ContainerCreating"
	PodInitializing            = "PodInitializing" // … in a pod that has init containers
	CrashLoopBackOff           = "CrashLoopBackOff"
	ErrImagePull               = "ErrImagePull"
	ImagePullBackOff           = "ImagePullBackOff"
	ErrImageNeverPull          = "ErrImageNeverPull"
	CreateContainerConfigError = "CreateContainerConfigError"
	CreateContainerError       = "CreateContainerError"
	RunContainerError          = "RunContainerError"
	PostStartHookError         = "PostStartHookError"
)

// The reasons for which a container has ended.
const (
	Completed = "Completed"
	Error     = "Error"
	Unknown   = "ContainerStatusUnknown"
)

// freshFailure is how long a failed pull shows as such before it shows as being backed off.
const freshFailure = time.Second

// containerStatus is what to say of one container. It is a function of the record and of what was said
// before: said again, it does not change.
func (p *planner) containerStatus(c podspec.Member) corev1.ContainerStatus {
	before := podspec.StatusOf(&p.pod.Status, c.Name)
	status := corev1.ContainerStatus{
		Name: c.Name, Image: c.Image, RestartCount: before.RestartCount, Started: new(false),
		LastTerminationState: before.LastTerminationState,
		ImageID:              before.ImageID, ContainerID: before.ContainerID, StopSignal: before.StopSignal,
		VolumeMounts: mountStatuses(c.VolumeMounts),
	}
	record := p.lived(c.Name)
	if record == nil {
		status.State = p.stateWithoutRecord(c, before)
		if status.State.Waiting != nil && before.ContainerID != "" {
			status.LastTerminationState = lost(before)
		}
		return p.through(c, status)
	}
	status.RestartCount, status.ContainerID, status.StopSignal = int32(record.Attempt), p.id(record), record.StopSignal
	status.Image, status.ImageID = record.Image, record.ImageID
	status.LastTerminationState = p.lastTermination(record, before)
	switch record.State {
	case observed.Running:
		status.State.Running = &corev1.ContainerStateRunning{StartedAt: second(record.Started)}
		serves := c.Role == podspec.Main || c.Role == podspec.Sidecar
		status.Ready, status.Started = serves && p.isReady(record), new(p.hasStarted(record) && c.Role != podspec.Init)
		if failure := p.hookFailure(record); failure != nil {
			status.State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: failure.Reason, Message: failure.Message}}
		}
	case observed.Exited:
		if waiting := p.waitsToRestart(c, record); waiting != nil {
			status.State.Waiting = waiting
			status.LastTerminationState.Terminated = p.terminated(record)
		} else {
			status.State.Terminated = p.terminated(record)
		}
	}
	return p.through(c, status)
}

// mountStatuses is how a container's volumes are mounted. Only of what is read-only there is to say whether that holds for mounts below it as well, which the
// runtime can always do.
func mountStatuses(mounts []corev1.VolumeMount) []corev1.VolumeMountStatus {
	var all []corev1.VolumeMountStatus
	for _, m := range mounts {
		status := corev1.VolumeMountStatus{Name: m.Name, MountPath: m.MountPath, ReadOnly: m.ReadOnly}
		if m.ReadOnly {
			status.RecursiveReadOnly = new(corev1.RecursiveReadOnlyDisabled)
			if ptr.Deref(m.RecursiveReadOnly, corev1.RecursiveReadOnlyDisabled) != corev1.RecursiveReadOnlyDisabled {
				*status.RecursiveReadOnly = corev1.RecursiveReadOnlyEnabled
			}
		}
		all = append(all, status)
	}
	return all
}

// through: an init container is ready when it has done its work.
func (p *planner) through(c podspec.Member, status corev1.ContainerStatus) corev1.ContainerStatus {
	if c.Role == podspec.Init {
		status.Ready = status.State.Terminated != nil && status.State.Terminated.ExitCode == 0
	}
	return status
}

// lived is the record of a container's last attempt, or nil. One that is being made does not count: it may have to be made again, with the same
// number. Nor does one that the status has gone past: those after it were lost with their sandbox.
func (p *planner) lived(name string) *observed.Container {
	known := podspec.StatusOf(&p.pod.Status, name)
	for _, record := range p.have.attempts(name) {
		if record.State != observed.Created {
			if record.State == observed.Exited && record.Attempt < int(known.RestartCount) {
				return nil
			}
			return &record
		}
	}
	return nil
}

func (p *planner) isLast(record *observed.Container) bool {
	last := p.lived(record.Name)
	return last != nil && last.ID == record.ID
}

// member is the container of that name, or an empty one that is never started: the runtime may have what the spec does not name.
func (p *planner) member(name string) podspec.Member {
	for _, c := range p.members {
		if c.Name == name {
			return c
		}
	}
	return podspec.Member{Container: &corev1.Container{Name: name}, Restart: corev1.RestartPolicyNever}
}

// stateWithoutRecord is the state of a container of which the runtime has nothing: it has not been
// created yet, or its record is gone.
func (p *planner) stateWithoutRecord(c podspec.Member, before corev1.ContainerStatus) corev1.ContainerState {
	ends := p.pod.DeletionTimestamp != nil || p.over()
	switch {
	case before.ContainerID == "" && before.State.Terminated == nil && !p.order.Runs(c.Name): // its turn has not come
		return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: p.creating()}}
	case !ends && (before.ContainerID == "" || p.mayStart(c)), ends && before.State == corev1.ContainerState{} && p.mayComeUp():
		return corev1.ContainerState{Waiting: p.waiting(c, p.creating())}
	case ends && p.mayComeUp():
		return before.State
	}
	return lost(before)
}

// creating is why a container waits with which nothing is wrong.
func (p *planner) creating() string {
	if len(p.pod.Spec.InitContainers) > 0 {
		return PodInitializing
	}
	return ContainerCreating
}

// lost is how a container ended whose record is gone: as was told before, or nobody knows how.
func lost(before corev1.ContainerStatus) corev1.ContainerState {
	for _, state := range []corev1.ContainerState{before.State, before.LastTerminationState} {
		if state.Terminated != nil && state.Terminated.ContainerID == before.ContainerID {
			return state
		}
	}
	return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
		ExitCode: exitUnknown, Reason: Unknown, ContainerID: before.ContainerID,
		Message: "The container could not be located when the pod was terminated",
	}}
}

// exitUnknown is the exit code of a container that vanished: that of SIGKILL.
const exitUnknown = 137

// exit is how a container ended, if it did.
func (p *planner) exit(name string) (code int32, ended bool) {
	if record := p.lived(name); record != nil {
		if record.ExitCode == 0 && p.health(record).Unhealthy != "" {
			return exitUnknown, record.State == observed.Exited // it was stopped: its work is not done
		}
		return record.ExitCode, record.State == observed.Exited
	}
	before := podspec.StatusOf(&p.pod.Status, name)
	for _, state := range []corev1.ContainerState{before.State, before.LastTerminationState} {
		if state.Terminated != nil {
			return state.Terminated.ExitCode, true
		}
	}
	return exitUnknown, before.ContainerID != ""
}

// waitsToRestart is why a dead container is not being restarted at this moment, or nil.
func (p *planner) waitsToRestart(c podspec.Member, record *observed.Container) *corev1.ContainerStateWaiting {
	if p.pod.DeletionTimestamp != nil || p.over() || !p.mayStart(c) {
		return nil
	}
	if _, streak, due := p.next(c.Name); due.After(p.now) {
		return &corev1.ContainerStateWaiting{Reason: CrashLoopBackOff, Message: fmt.Sprintf(
			"back-off %v restarting failed container=%s pod=%s_%s(%s)",
			backOff(streak-1), c.Name, p.pod.Name, p.pod.Namespace, p.pod.UID)}
	}
	if failure, failed := p.have.Failed[startJob(c.Name, record.Attempt)]; failed {
		return &corev1.ContainerStateWaiting{Reason: failure.Reason, Message: failure.Message}
	}
	if waiting := p.waiting(c, ""); waiting.Reason != "" {
		return waiting
	}
	return podspec.StatusOf(&p.pod.Status, c.Name).State.Waiting // that it waited is true until it runs
}

// waiting is what keeps a container from starting; otherwise is the reason if nothing is wrong.
func (p *planner) waiting(c podspec.Member, otherwise string) *corev1.ContainerStateWaiting {
	attempt, _, _ := p.next(c.Name)
	if failure, failed := p.have.Failed[(PullImage{Container: c.Name}).Job()]; failed {
		return p.waitingForImage(c, failure)
	}
	if problem := p.unset(c); problem != "" {
		return &corev1.ContainerStateWaiting{Reason: CreateContainerConfigError, Message: problem}
	}
	if failure, failed := p.have.Failed[startJob(c.Name, attempt)]; failed {
		return &corev1.ContainerStateWaiting{Reason: failure.Reason, Message: failure.Message}
	}
	return &corev1.ContainerStateWaiting{Reason: otherwise}
}

// waitingForImage says first that a pull has failed, and a moment later that it is being backed off.
func (p *planner) waitingForImage(c podspec.Member, failure Failure) *corev1.ContainerStateWaiting {
	backedOff := failure.At.Add(freshFailure)
	if failure.Reason != ErrImagePull || backedOff.After(p.now) {
		p.wake(backedOff, "the pull for container "+c.Name+" is backed off")
		return &corev1.ContainerStateWaiting{Reason: failure.Reason, Message: failure.Message}
	}
	return &corev1.ContainerStateWaiting{Reason: ImagePullBackOff,
		Message: fmt.Sprintf("Back-off pulling image %q: %s: %s", c.Image, failure.Reason, failure.Message)}
}

// lastTermination is how the attempt before record ended.
func (p *planner) lastTermination(record *observed.Container, before corev1.ContainerStatus) corev1.ContainerState {
	for _, other := range p.have.attempts(record.Name) {
		if other.State == observed.Exited && other.Attempt == record.Attempt-1 {
			return corev1.ContainerState{Terminated: p.terminated(&other)}
		}
	}
	if before.ContainerID != "" && before.ContainerID != p.id(record) {
		return lost(before)
	}
	return before.LastTerminationState
}

func (p *planner) terminated(record *observed.Container) *corev1.ContainerStateTerminated {
	reason := record.Reason
	if reason == "" && record.ExitCode == 0 {
		reason = Completed
	} else if reason == "" {
		reason = Error
	}
	return &corev1.ContainerStateTerminated{
		ExitCode: record.ExitCode, Reason: reason, ContainerID: p.id(record),
		Message:   shortened(record.Message, len(p.members)),
		StartedAt: second(record.Started), FinishedAt: second(record.Finished),
	}
}

// told is whether the pod's status says how this attempt ended, or has gone past it.
func (p *planner) told(record *observed.Container) bool {
	known := podspec.StatusOf(&p.pod.Status, record.Name)
	for _, state := range []corev1.ContainerState{known.State, known.LastTerminationState} {
		if state.Terminated != nil && state.Terminated.ContainerID == p.id(record) {
			return true
		}
	}
	return int(known.RestartCount) > record.Attempt
}

// id is a container's ID as the API writes it: with the runtime's name.
func (p *planner) id(record *observed.Container) string {
	return p.have.Node.Runtime + "://" + record.ID
}

// second is a time as the API keeps it.
func second(t time.Time) metav1.Time { return metav1.Time{Time: t.Truncate(time.Second)} }

// rejected stands before the sentence in the status of a pod that its node did not take.
const rejected = "Pod was rejected: "

// refusedStatus is what to say of a pod that the node does not take. Nothing was made of it, so there is nothing to say of its containers.
func (p *planner) refusedStatus(refusal refusal.Refusal) corev1.PodStatus {
	status := *p.pod.Status.DeepCopy()
	status.Phase, status.Reason, status.Message = corev1.PodFailed, refusal.Reason, rejected+refusal.Message
	status.StartTime = new(second(p.started()))
	return status
}
