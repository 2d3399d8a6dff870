package runtime

import (
	"slices"

	"kubelab/kube/containers"
)

// Phase is how far a sandbox's record has come.
type Phase string

const (
	// Ready: its shim holds its namespaces, and containers may be added.
	Ready Phase = "ready"
	// NotReady: shim, network and containers are gone. Only records are left, until the sandbox is removed.
	NotReady Phase = "not ready"
)

// Recorded is what the disk says of one sandbox.
type Recorded struct {
	ID         string
	Phase      Phase           // "" if its directory has no record: it was being made, or being removed
	Containers map[string]bool // true: the record tells how it ended
}

// Living is what the rest of the world says of one sandbox.
type Living struct {
	// Shim is whether the shim answers.
	Shim bool
	// Containers are those that the shim has, in whatever state; those in its files if it is dead.
	Containers map[string]containers.State
}

// Verb is what is to be done about a sandbox or a container after a restart of the runtime.
type Verb string

const (
	// DiscardSandbox removes all traces of a sandbox.
	DiscardSandbox Verb = "discard sandbox"
	// DiscardContainer removes all traces of a container.
	DiscardContainer Verb = "discard container"
	// TakeDown does what StopPodSandbox does: the sandbox is NotReady then, its containers have exited.
	TakeDown Verb = "take down"
	// Follow takes the sandbox over: its shim tells of exits, past and to come.
	Follow Verb = "follow"
)

// Action is one step of the way from what a killed runtime left behind to a state that can be told to a kubelet.
type Action struct {
	Verb      Verb
	Sandbox   string
	Container string // for DiscardContainer
	Why       string
}

// PlanRecovery compares what a runtime that was killed had written down with what is really there. A sandbox's record
// is written when the sandbox is complete, and the first thing to go when it is removed: so what has a record is whole.
func PlanRecovery(recorded []Recorded, living map[string]Living) []Action {
	var plan []Action
	for _, sandbox := range recorded {
		now := living[sandbox.ID]
		switch sandbox.Phase {
		case "":
			plan = append(plan, Action{Verb: DiscardSandbox, Sandbox: sandbox.ID, Why: "it was being made, or removed: nobody counts on it"})
		case Ready:
			plan = append(plan, planContainers(sandbox, now)...)
			if now.Shim {
				plan = append(plan, Action{Verb: Follow, Sandbox: sandbox.ID, Why: "its shim lives"})
			} else {
				plan = append(plan, Action{Verb: TakeDown, Sandbox: sandbox.ID, Why: "its shim is dead"})
			}
		}
	}
	return plan
}

// planContainers finds the containers of a sandbox that were being made, or removed, at that moment.
func planContainers(sandbox Recorded, now Living) []Action {
	var plan []Action
	for id, ended := range sandbox.Containers {
		if _, there := now.Containers[id]; !there && !ended {
			plan = append(plan, Action{DiscardContainer, sandbox.ID, id, "it is recorded, but was never finished"})
		}
	}
	for id := range now.Containers {
		if _, known := sandbox.Containers[id]; !known {
			plan = append(plan, Action{DiscardContainer, sandbox.ID, id, "the shim has it, but its record is gone"})
		}
	}
	slices.SortFunc(plan, func(a, b Action) int {
		if a.Container < b.Container {
			return -1
		}
		return 1
	})
	return plan
}
