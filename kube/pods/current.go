package pods

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"kubelab/kube/api/podspec"
	"kubelab/kube/pods/cri"
	"kubelab/kube/pods/observed"
	"kubelab/kube/pods/refusal"
	"kubelab/kube/probes"
	"kubelab/kube/trace"
)

// Current is what there is of a pod on its node: what the runtime has, and what this kubelet is doing.
type Current struct {
	Node       cri.Node
	Sandboxes  []observed.Sandbox   // newest first
	Containers []observed.Container // newest attempt of each name first

	Images map[string]Image     // by container: what its next attempt starts from
	Busy   map[string]time.Time // jobs under way; for a stop, the time at which SIGKILL comes
	Failed map[string]Failure   // jobs whose last try failed
	Seen   time.Time            // when this kubelet first saw the pod

	Sources cri.Sources      // what its containers' environments are drawn from
	Awaited []podspec.Object // of which is not known yet whether there is such an object
	Pull    PullSecrets

	Probed  map[string]probes.State // by ID of a container that has probes: what is known by them
	Volumes Volumes

	Evicted string           // why the node cannot keep the pod; empty: it can
	Refused *refusal.Refusal // why the node does not take the pod; nil: it does
}

// PullSecrets are those with which the pod's images are pulled.
type PullSecrets struct {
	Found   []*corev1.Secret
	Missing []string // the names of those that do not exist
	Awaited bool     // of some it is not known yet
}

// Image is an image that is there, for one attempt of a container.
type Image struct {
	Ref     string // the runtime's ID of it
	Attempt int
	cri.ImageUser
	Causes []trace.ID // the steps that brought it
}

// Failure is how a job last failed. Count is how often in a row.
type Failure struct {
	Reason, Message string
	Count           int
	At              time.Time
}

// ready is the sandbox that containers are started in, or nil.
func (c Current) ready() *observed.Sandbox {
	if len(c.Sandboxes) > 0 && c.Sandboxes[0].Ready {
		return &c.Sandboxes[0]
	}
	return nil
}

// attempts are the records of one container, newest first.
func (c Current) attempts(name string) []observed.Container {
	var found []observed.Container
	for _, record := range c.Containers {
		if record.Name == name {
			found = append(found, record)
		}
	}
	return found
}

// newest is the record of a container's last attempt, or nil.
func (c Current) newest(name string) *observed.Container {
	if i := slices.IndexFunc(c.Containers, func(r observed.Container) bool { return r.Name == name }); i >= 0 {
		return &c.Containers[i]
	}
	return nil
}
