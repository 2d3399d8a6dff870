package observed

import (
	"iter"
	"time"

	corev1 "k8s.io/api/core/v1"

	"kubelab/kube/trace"
)

// Records are what the runtime has of one pod.
type Records struct {
	Sandboxes  []Sandbox   // newest first
	Containers []Container // newest attempt of each name first
}

// IDs are those of all sandboxes and containers.
func (r Records) IDs() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, s := range r.Sandboxes {
			if !yield(s.ID) {
				return
			}
		}
		for _, c := range r.Containers {
			if !yield(c.ID) {
				return
			}
		}
	}
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
	Attempt, Streak   int // the attempt, and how many of them failed in a row before it
	State             State
	Image, ImageID    string // as the pod names it; as the runtime does
	Started, Finished time.Time
	StopSignal        *corev1.Signal // that will ask it to end; nil: the runtime does not say
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
