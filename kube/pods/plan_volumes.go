package pods

import (
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"

	"kubelab/kube/pods/observed"
	"kubelab/kube/volumes"
)

// Volumes are what the pod's volumes are and are to be.
type Volumes struct {
	Wanted  volumes.Decision
	Awaited bool             // it is not known yet whether there is an object that one is filled from
	Mounted bool             // this kubelet has made all of them
	Made    []volumes.Volume // as it last made them
	Renew   time.Time        // when the first of the tokens in them is to be renewed; zero: there is none
	Left    bool             // the pod has ended, and its volumes are there
}

// mountVolumes brings the volumes up to what they are to be, also while containers run.
func (p *planner) mountVolumes() {
	v := p.have.Volumes
	if len(p.pod.Spec.Volumes) == 0 || v.Awaited || p.busyWith(MountVolumes{}.Job()) {
		return
	}
	stale := !v.Renew.IsZero() && !v.Renew.After(p.now)
	if len(v.Wanted.Problems) > 0 || stale || !v.Mounted || !equality.Semantic.DeepEqual(v.Made, v.Wanted.Volumes) {
		p.propose(MountVolumes{problemsOf(v.Wanted)})
	} else if !v.Renew.IsZero() {
		p.wake(v.Renew, "a token of the pod's is to be renewed")
	}
}

// problemsOf names what keeps volumes from being made. It is a part of the job's name: when something else is wrong, or nothing is, it is another job, which does
// not wait until the first is due again.
func problemsOf(wanted volumes.Decision) string {
	var words []string
	for _, problem := range wanted.Problems {
		words = append(words, problem.Error())
	}
	return strings.Join(words, "; ")
}

// unmounted is whether containers have to wait for the pod's volumes.
func (p *planner) unmounted() bool { return len(p.pod.Spec.Volumes) > 0 && !p.have.Volumes.Mounted }

// removeVolumes gives back what a pod that has ended does not need any more.
func (p *planner) removeVolumes() {
	alive := slices.ContainsFunc(p.have.Sandboxes, func(s observed.Sandbox) bool { return s.Ready })
	if p.have.Volumes.Left && !alive && len(p.have.Busy) == 0 {
		p.propose(RemoveVolumes{})
	}
}

// The first pause after volumes could not be made, and the longest, as upstream.
const (
	mountPauseFirst = 500 * time.Millisecond
	mountPauseLast  = 2*time.Minute + 2*time.Second
)

func mountPause(n int) time.Duration { return min(mountPauseFirst<<min(n-1, 10), mountPauseLast) }
