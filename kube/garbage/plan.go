package garbage

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// Object is what the collector knows of an object, whatever its kind.
type Object struct {
	Resource        schema.GroupVersionResource
	Namespace, Name string
	UID             types.UID
	Revision        string // its resourceVersion
	Owners          []metav1.OwnerReference
	Finalizers      []string
	Deleting        bool
}

// Holding says whether a deleted object still stands only because of the given finalizer (or of others too).
func (o Object) Holding(finalizer string) bool {
	return o.Deleting && slices.Contains(o.Finalizers, finalizer)
}

// OwnerState is how an owner looks to what it owns.
type OwnerState int

const (
	Solid   OwnerState = iota // it is there
	Waiting                   // it is on its way out, and waits for what it owns to go first
	Absent                    // there is no such object, or there is another of the same name
)

// Verb is what the collector does.
type Verb string

// Besides [Nothing] there are four things to do with an object.
const (
	Nothing    Verb = ""
	Delete     Verb = "delete"     // delete it, with Policy
	Disown     Verb = "disown"     // take Owners off the list of its owners
	Unblock    Verb = "unblock"    // let its owners go before it
	Unfinalize Verb = "unfinalize" // take off Finalizer
)

// Action is one step of the collector.
type Action struct {
	Verb      Verb
	Policy    metav1.DeletionPropagation
	Owners    []types.UID
	Finalizer string
}

// Decide says what to do with an object, given how its owners look (in their order) and what it owns itself.
//
//   - An object all of whose owners are gone goes too.
//   - One that still has an owner stays, and forgets those that are gone.
//   - One whose deletion waits for its dependents may go when none is left that blocks it.
//   - One that waits for itself, by way of others that wait (circle), blocks nobody any more: so each of a circle goes.
//   - One that shall leave its dependents behind may go when none names it any more (see [Orphans]).
func Decide(o Object, owners []OwnerState, dependents []Object, circle bool) Action {
	switch {
	case o.Holding(metav1.FinalizerOrphanDependents):
		if len(dependents) == 0 {
			return Action{Verb: Unfinalize, Finalizer: metav1.FinalizerOrphanDependents}
		}
		return Action{}
	case o.Holding(metav1.FinalizerDeleteDependents):
		if !slices.ContainsFunc(dependents, func(d Object) bool { return blocks(d, o.UID) }) {
			return Action{Verb: Unfinalize, Finalizer: metav1.FinalizerDeleteDependents}
		}
		if circle {
			return Action{Verb: Unblock}
		}
		return Action{}
	case o.Deleting || len(owners) == 0:
		return Action{}
	}
	if slices.Contains(owners, Solid) {
		return disownLost(o, owners)
	}
	return Action{Verb: Delete, Policy: policy(o, slices.Contains(owners, Waiting) && len(dependents) > 0)}
}

// Orphans are the dependents that a deleted object shall leave behind, and that still name it.
func Orphans(o Object, dependents []Object) []Object {
	if o.Holding(metav1.FinalizerOrphanDependents) {
		return dependents
	}
	return nil
}

func disownLost(o Object, owners []OwnerState) Action {
	var lost []types.UID
	for i, state := range owners {
		if state != Solid {
			lost = append(lost, o.Owners[i].UID)
		}
	}
	if lost == nil {
		return Action{}
	}
	return Action{Verb: Disown, Owners: lost}
}

// policy is how an object goes: as its own finalizers ask for, and otherwise at once, unless an owner waits for
// everything below it.
func policy(o Object, ownerWaits bool) metav1.DeletionPropagation {
	switch {
	case slices.Contains(o.Finalizers, metav1.FinalizerOrphanDependents):
		return metav1.DeletePropagationOrphan
	case ownerWaits, slices.Contains(o.Finalizers, metav1.FinalizerDeleteDependents):
		return metav1.DeletePropagationForeground
	}
	return metav1.DeletePropagationBackground
}

// blocks says whether the deletion of owner has to wait for o.
func blocks(o Object, owner types.UID) bool {
	return slices.ContainsFunc(o.Owners, func(r metav1.OwnerReference) bool {
		return r.UID == owner && r.BlockOwnerDeletion != nil && *r.BlockOwnerDeletion
	})
}
