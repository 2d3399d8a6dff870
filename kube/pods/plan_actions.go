package pods

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"kubelab/kube/trace"
)

// Action is one thing to do for a pod. Actions are data: a plan can be printed, compared and shown.
type Action interface {
	// Job is what the action works on. No two actions of one job run at the same time.
	Job() string
	String() string
}

// The actions. Attempt counts from 0; for a container it is the restart count.
type (
	// CreateSandbox makes what the pod's containers share: a network namespace with an IP, above all.
	CreateSandbox struct{ Attempt int }
	// StopSandbox gives the sandbox's IP back. Its containers' records and logs stay.
	StopSandbox struct{ ID string }
	// RemoveSandbox removes a sandbox with all that is in it.
	RemoveSandbox struct{ ID string }
	// PullImage brings the image for one attempt of a container, if its policy says so.
	PullImage struct {
		Container, Image string
		Policy           corev1.PullPolicy
		Attempt          int
	}
	// MountVolumes makes the pod's volumes, or makes them what they are to be now. Problems says why not all can be made.
	MountVolumes struct{ Problems string }
	// RemoveVolumes removes the volumes of a pod that has ended.
	RemoveVolumes struct{}
	// StartContainer creates and starts one attempt of a container. Streak is how often in a row the
	// container was restarted without ever running for ten minutes.
	StartContainer struct {
		Container       string
		Attempt, Streak int
		Sandbox, Image  string
	}
	// StopContainer sends SIGTERM, and SIGKILL when Grace has passed.
	StopContainer struct {
		Container, ID string
		Grace         time.Duration
		Why           string
	}
	// RemoveContainer removes the record of a dead container, and its log.
	RemoveContainer struct{ Container, ID string }
	// Cancel breaks off a job that has lost its purpose.
	Cancel struct{ Of string }
	// DeletePod tells the API server that nothing is left of the pod.
	DeletePod struct{}
	// Forget removes the pod's files. The API does not know it any more.
	Forget struct{}
)

// Job names the work on the pod's sandbox: there is one at a time.
func (CreateSandbox) Job() string { return "create sandbox" }

// Job names the end of one sandbox.
func (a StopSandbox) Job() string { return "stop sandbox " + a.ID }

// Job names the end of one sandbox.
func (a RemoveSandbox) Job() string { return "remove sandbox " + a.ID }

// Job names the pull for one container. Failures count from one attempt to the next.
func (a PullImage) Job() string { return "pull " + a.Container }

// Job names the work on the pod's volumes, and what is in its way.
func (a MountVolumes) Job() string { return strings.TrimSuffix("mount volumes: "+a.Problems, ": ") }

// Job names the end of the volumes.
func (RemoveVolumes) Job() string { return "remove volumes" }

// Job names the start of one attempt.
func (a StartContainer) Job() string { return startJob(a.Container, a.Attempt) }

// Job names the stop of one container.
func (a StopContainer) Job() string { return "stop " + a.ID }

// Job names the removal of one container.
func (a RemoveContainer) Job() string { return "remove " + a.ID }

// Job names the cancellation of another job.
func (a Cancel) Job() string { return "cancel " + a.Of }

// Job is the last that is done for a pod.
func (DeletePod) Job() string { return "delete pod" }

// Job is the last that is done for a pod that the API does not know.
func (Forget) Job() string { return "forget pod" }

// supply is how an image comes to be used.
type supply string

const (
	useImage    supply = "use the one that is there"
	fetchImage  supply = "pull it"
	refuseImage supply = "it is not there, and may not be pulled"
)

// supply is what the pull policy says of an image that is on the node already, or not.
func (a PullImage) supply(present bool) supply {
	switch {
	case !present && a.Policy == corev1.PullNever:
		return refuseImage
	case !present, a.Policy == corev1.PullAlways:
		return fetchImage
	}
	return useImage
}

// because are the causes of an action besides what set off the turn: what a container starts from has come in turns of their own.
func because(action Action, have Current) []trace.ID {
	start, ok := action.(StartContainer)
	if !ok {
		return nil
	}
	causes := slices.Clone(have.Images[start.Container].Causes)
	if sandbox := have.ready(); sandbox != nil && start.Attempt == 0 {
		causes = append(causes, sandbox.Causes...)
	}
	return causes
}

// idOf is the container or sandbox that a job ends, if it is such a job.
func idOf(job string) (id string, ends bool) {
	for _, kind := range []Action{StopSandbox{}, RemoveSandbox{}, StopContainer{}, RemoveContainer{}} {
		if id, ends := strings.CutPrefix(job, kind.Job()); ends && !strings.Contains(id, " ") {
			return id, true
		}
	}
	return "", false
}

func startJob(container string, attempt int) string {
	return fmt.Sprintf("start %s %d", container, attempt)
}

func (a CreateSandbox) String() string { return fmt.Sprintf("create sandbox (attempt %d)", a.Attempt) }
func (a StopSandbox) String() string   { return "stop sandbox " + a.ID }
func (a RemoveSandbox) String() string { return "remove sandbox " + a.ID }
func (a PullImage) String() string {
	return fmt.Sprintf("pull %s for %s (%s)", a.Image, a.Container, a.Policy)
}
func (a MountVolumes) String() string { return a.Job() }
func (RemoveVolumes) String() string  { return "remove the volumes of the pod, which has ended" }
func (a StartContainer) String() string {
	return fmt.Sprintf("start container %s (attempt %d) in sandbox %s", a.Container, a.Attempt, a.Sandbox)
}
func (a StopContainer) String() string {
	return fmt.Sprintf("stop container %s with %v of grace: %s", a.Container, a.Grace, a.Why)
}
func (a RemoveContainer) String() string { return "remove dead container " + a.Container }
func (a Cancel) String() string          { return "cancel: " + a.Of }
func (DeletePod) String() string         { return "delete the pod from the API" }
func (Forget) String() string            { return "forget the pod" }
