package pods

import (
	"slices"
	"time"

	"kubelab/kube/api/podspec"
	"kubelab/kube/pods/cri"
	"kubelab/kube/trace"
)

// Current is what there is of a pod on its node: what the runtime has, and what this kubelet is doing.
type Current struct {
	Node       cri.Node
	Sandboxes  []Sandbox   // newest first
	Containers []Container // newest attempt of each name first

	Images map[string]Image     // by container: what its next attempt starts from
	Busy   map[string]time.Time // jobs under way; for a stop, the time at which SIGKILL comes
	Failed map[string]Failure   // jobs whose last try failed
	Seen   time.Time            // when this kubelet first saw the pod

	Sources cri.Sources      // what its containers' environments are drawn from
	Awaited []podspec.Object // of which is not known yet whether there is such an object

	Refused *Refusal // why the node does not take the pod; nil: it does
}

// Sandbox is what the containers of a pod share.
type Sandbox struct {
	ID      string
	Attempt int
	Ready   bool
	IPs     []string
	Causes  []trace.ID // the steps that made it ready
}

// Container is the runtime's record of one attempt of a container.
type Container struct {
	ID, Name, Sandbox string
	Attempt, Streak   int // see [StartContainer]
	State             State
	Image, ImageID    string // as the pod names it; as the runtime does
	Started, Finished time.Time
	ExitCode          int32
	Reason, Message   string
	Causes            []trace.ID // the steps that brought it into its state
}

// State is where a container is in its life.
type State string

// The states of the CRI.
const (
	Created State = "created"
	Running State = "running"
	Exited  State = "exited"
)

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
func (c Current) ready() *Sandbox {
	if len(c.Sandboxes) > 0 && c.Sandboxes[0].Ready {
		return &c.Sandboxes[0]
	}
	return nil
}

// attempts are the records of one container, newest first.
func (c Current) attempts(name string) []Container {
	var found []Container
	for _, record := range c.Containers {
		if record.Name == name {
			found = append(found, record)
		}
	}
	return found
}

// newest is the record of a container's last attempt, or nil.
func (c Current) newest(name string) *Container {
	if i := slices.IndexFunc(c.Containers, func(r Container) bool { return r.Name == name }); i >= 0 {
		return &c.Containers[i]
	}
	return nil
}
