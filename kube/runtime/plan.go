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
