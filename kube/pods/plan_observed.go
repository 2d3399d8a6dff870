package pods

import (
	"slices"

	"kubelab/kube/pods/observed"
)

// settled is what there is without what jobs are making that have not told of it yet. Until they have, its causes are not known: a turn that
// something else set off would act on it, or write of it, and could not say why.
func settled(r observed.Records, jobs []Action) observed.Records {
	has := observed.Records{Sandboxes: slices.Clone(r.Sandboxes), Containers: slices.Clone(r.Containers)}
	for _, job := range jobs {
		switch a := job.(type) {
		case CreateSandbox:
			has.Sandboxes = slices.DeleteFunc(has.Sandboxes, func(s observed.Sandbox) bool { return s.Attempt == a.Attempt })
		case StartContainer:
			has.Containers = slices.DeleteFunc(has.Containers, a.makes)
		}
	}
	return has
}

// makes is whether a container is the attempt that was to be started.
func (a StartContainer) makes(c observed.Container) bool {
	return c.Name == a.Container && c.Attempt == a.Attempt
}

// shows is whether the records show already what came of an action. If not, the runtime's events have yet to come. What a failure leaves
// nobody knows.
func shows(r observed.Records, action Action, failed bool) bool {
	ended := func(id string) bool {
		return !slices.ContainsFunc(r.Containers, func(c observed.Container) bool { return (c.ID == id || c.Sandbox == id) && c.State != observed.Exited })
	}
	switch a := action.(type) {
	case PullImage, DeletePod, Forget:
		return true // they change nothing in it
	case CreateSandbox:
		return !failed && slices.ContainsFunc(r.Sandboxes, func(s observed.Sandbox) bool { return s.Attempt == a.Attempt && s.Ready })
	case StartContainer:
		return !failed && slices.ContainsFunc(r.Containers, func(c observed.Container) bool { return a.makes(c) && c.State != observed.Created })
	case StopContainer:
		return !failed && ended(a.ID)
	case StopSandbox:
		return !failed && ended(a.ID) && !slices.ContainsFunc(r.Sandboxes, func(s observed.Sandbox) bool { return s.ID == a.ID && s.Ready })
	case RemoveSandbox:
		return !failed && !slices.Contains(slices.Collect(r.IDs()), a.ID)
	case RemoveContainer:
		return !failed && !slices.Contains(slices.Collect(r.IDs()), a.ID)
	}
	return !failed
}
