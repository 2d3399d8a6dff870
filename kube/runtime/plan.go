package runtime

// Verb is what is to be done about a sandbox after a restart of the runtime.
type Verb string

const (
	// Discard removes all traces of the sandbox.
	Discard Verb = "discard"
	// TakeDown does what StopPodSandbox does: the sandbox is not ready then, its containers have exited.
	TakeDown Verb = "take down"
	// Follow takes the sandbox over: its shim tells of exits, past and to come.
	Follow Verb = "follow"
	// Quarantine keeps the sandbox, not ready, until StopPodSandbox succeeds: what runs in it is not known.
	Quarantine Verb = "quarantine"
)

// PlanRecovery says how to go on with a sandbox that an earlier runtime has left, and why. Its record is written when it is
// complete, and is the first thing to go when it is removed: so what has a record is whole. Which containers there are its
// shim knows, or the files of a shim that is dead; trouble is why neither tells.
func PlanRecovery(recorded, shimLives bool, trouble error) (verb Verb, why string) {
	switch {
	case !recorded && trouble != nil:
		return Discard, trouble.Error()
	case !recorded:
		return Discard, "it was being made, or removed: nobody counts on it"
	case trouble != nil:
		return Quarantine, trouble.Error()
	case shimLives:
		return Follow, "its shim lives"
	}
	return TakeDown, "its shim is dead"
}

// Step is one thing that is done to end a sandbox. Each can be repeated: what is not there any more, or never was, is no error.
type Step string

const (
	// StopShim ends the containers, and the shim with the namespaces that it holds.
	StopShim Step = "stop its shim"
	// Unplug takes its place in the pod network back.
	Unplug Step = "unplug it"
	// Unmount undoes the mounts that a shim that was killed had no time for.
	Unmount Step = "unmount what is mounted below it"
	// RemoveCgroup removes the pod's cgroup.
	RemoveCgroup Step = "remove its cgroup"
	// TellEnds tells how each container ended, and that the sandbox is not ready.
	TellEnds Step = "tell how its containers ended"
	// RemoveRecord removes the record: a directory without one is known to be on its way out.
	RemoveRecord Step = "remove its record"
	// RemoveFiles removes the rest of the directory.
	RemoveFiles Step = "remove its files"
	// Forget tells that the sandbox and its containers are no more.
	Forget Step = "forget it"
)

// PlanStop says in which order a sandbox is stopped: what runs ends before what it stands on is taken away, and is told of when nothing
// can change it any more. ownCgroup says that no kubelet keeps the pod's cgroup.
func PlanStop(ready, ownCgroup bool) []Step {
	if !ready {
		return nil // it has been
	}
	return append(release(ownCgroup), TellEnds)
}

// PlanRemoval says in which order a sandbox is removed: stopped before all else.
func PlanRemoval(ready, ownCgroup bool) []Step {
	return append(PlanStop(ready, ownCgroup), RemoveRecord, RemoveFiles, Forget)
}

// PlanDiscard is the same for a sandbox that nobody knows of.
func PlanDiscard(ownCgroup bool) []Step {
	return append(release(ownCgroup), RemoveRecord, RemoveFiles)
}

func release(ownCgroup bool) []Step {
	steps := []Step{StopShim, Unplug, Unmount}
	if ownCgroup {
		steps = append(steps, RemoveCgroup)
	}
	return steps
}
