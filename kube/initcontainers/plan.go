package initcontainers

import (
	"slices"

	"kubelab/kube/api/podspec"
)

// Did is how far a container has come.
type Did string

// The stages of a container, in their order.
const (
	Nothing Did = "nothing" // it was never made
	Runs    Did = "runs"    // its program runs
	Started Did = "started" // … and what it has to do before others may rely on it is done
	Ended   Did = "ended"   // with a code
)

// Container is a member of a pod and what its last attempt has done.
type Container struct {
	podspec.Member
	Did  Did
	Code int32 // with which it has ended
	Here bool  // it did that in the sandbox that the pod has now
}

// Decision is which containers are to run.
type Decision struct {
	Run    []string // in the order in which they stand in the pod
	Failed string   // the init container whose failure ends the pod
	Over   bool     // the pod's work is done, or cannot be done any more: nothing is started again
}

// Runs is whether the container of that name is to run.
func (d Decision) Runs(name string) bool { return slices.Contains(d.Run, name) }

// Plan decides which containers of a pod are to run now. They are given in their order in the pod.
func Plan(pod []Container) Decision {
	d, initialized := Decision{Over: true}, false
	last := -1 // of the sequence that was made in this sandbox
	for i, c := range pod {
		made := c.Did != Nothing && c.Here
		switch c.Role {
		case podspec.Main:
			initialized = initialized || made // then the whole sequence is through
			d.Over = d.Over && c.Did == Ended && !c.Restarts(c.Code)
		case podspec.Init, podspec.Sidecar:
			if made {
				last = i
			}
		}
	}
	if d.Over {
		return d
	}
	open := true // all before this one are through
	for i, c := range pod {
		switch c.Role {
		case podspec.Init:
			if initialized || i < last || open && c.done() {
				continue
			}
			if open && c.Did == Ended && c.Code != 0 && !c.Restarts(c.Code) {
				return Decision{Failed: c.Name, Over: true}
			}
			d.Run, open = c.addTo(d.Run, open), false
		case podspec.Sidecar:
			d.Run, open = c.addTo(d.Run, open), initialized || i < last || open && c.Did == Started && c.Here
		case podspec.Main:
			d.Run = c.addTo(d.Run, open)
		case podspec.Ephemeral:
			d.Run = c.addTo(d.Run, true)
		}
	}
	return d
}

// done is whether an init container has done its work.
func (c Container) done() bool { return c.Did == Ended && c.Code == 0 && c.Here }

// addTo is run with the container, if it is its turn.
func (c Container) addTo(run []string, turn bool) []string {
	if !turn {
		return run
	}
	return append(run, c.Name)
}

// Stop is which containers of a pod that is to end are to be stopped now: a sidecar when nothing runs any more that it was there for, which is every main
// container and every sidecar after it; the others at once.
func Stop(pod []Container) []string {
	var stop []string
	needed := slices.ContainsFunc(pod, func(c Container) bool { return c.Role == podspec.Main && c.runs() })
	for _, c := range slices.Backward(pod) {
		if !c.runs() || c.Role == podspec.Sidecar && needed {
			continue
		}
		stop = append(stop, c.Name)
		needed = needed || c.Role == podspec.Sidecar
	}
	return stop
}

func (c Container) runs() bool { return c.Did == Runs || c.Did == Started }
