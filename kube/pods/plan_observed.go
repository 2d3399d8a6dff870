package pods

import (
	"iter"
	"slices"
)

// Records are what the runtime has of one pod.
type Records struct {
	Sandboxes  []Sandbox   // newest first
	Containers []Container // newest attempt of each name first
}

// ids are those of all sandboxes and containers.
func (r Records) ids() iter.Seq[string] {
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

// stages orders a container's life.
var stages = map[State]int{Created: 1, Running: 2, Exited: 3}

// laterContainer is what is known of a container once it was told of (again). Its life only goes forward: what comes late, or twice, is no news.
func laterContainer(known, told Container) Container {
	if stages[told.State] <= stages[known.State] {
		return known
	}
	if told.Sandbox == "" {
		told.Sandbox = known.Sandbox
	}
	return told
}

// laterSandbox is what is known of a sandbox once it was told of (again). One that was lost comes back only if that is newer than all that was
// told before: a runtime that starts anew may reach again what it could not reach.
func laterSandbox(known, told Sandbox, newer bool) Sandbox {
	if !newer {
		told.Ready = told.Ready && known.Ready
	}
	if len(told.IPs) == 0 {
		told.IPs = known.IPs
	}
	if told.Causes = nil; told.Ready == known.Ready {
		told.Causes = known.Causes
	}
	return told
}

// settled is what there is without what jobs are making that have not told of it yet. Until they have, its causes are not known: a turn that
// something else set off would act on it, or write of it, and could not say why.
func (r Records) settled(jobs []Action) Records {
	settled := Records{slices.Clone(r.Sandboxes), slices.Clone(r.Containers)}
	for _, job := range jobs {
		switch a := job.(type) {
		case CreateSandbox:
			settled.Sandboxes = slices.DeleteFunc(settled.Sandboxes, func(s Sandbox) bool { return s.Attempt == a.Attempt })
		case StartContainer:
			settled.Containers = slices.DeleteFunc(settled.Containers, a.makes)
		}
	}
	return settled
}

// makes is whether a container is the attempt that was to be started.
func (a StartContainer) makes(c Container) bool {
	return c.Name == a.Container && c.Attempt == a.Attempt
}

// shows is whether the records show already what came of an action. If not, the runtime's events have yet to come. What a failure leaves
// nobody knows.
func (r Records) shows(action Action, failed bool) bool {
	ended := func(id string) bool {
		return !slices.ContainsFunc(r.Containers, func(c Container) bool { return (c.ID == id || c.Sandbox == id) && c.State != Exited })
	}
	switch a := action.(type) {
	case PullImage, DeletePod, Forget:
		return true // they change nothing in it
	case CreateSandbox:
		return !failed && slices.ContainsFunc(r.Sandboxes, func(s Sandbox) bool { return s.Attempt == a.Attempt && s.Ready })
	case StartContainer:
		return !failed && slices.ContainsFunc(r.Containers, func(c Container) bool { return a.makes(c) && c.State != Created })
	case StopContainer:
		return !failed && ended(a.ID)
	case StopSandbox:
		return !failed && ended(a.ID) && !slices.ContainsFunc(r.Sandboxes, func(s Sandbox) bool { return s.ID == a.ID && s.Ready })
	case RemoveSandbox:
		return !failed && !slices.Contains(slices.Collect(r.ids()), a.ID)
	case RemoveContainer:
		return !failed && !slices.Contains(slices.Collect(r.ids()), a.ID)
	}
	return !failed
}
