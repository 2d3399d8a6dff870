package garbage

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// ownedBy is an object with the given owners, by UID.
func ownedBy(uids ...types.UID) Object {
	o := Object{Name: "web", UID: "web"}
	for _, uid := range uids {
		o.Owners = append(o.Owners, metav1.OwnerReference{UID: uid, BlockOwnerDeletion: new(true)})
	}
	return o
}

func deleting(finalizers ...string) Object {
	return Object{Name: "shop", UID: "shop", Deleting: true, Finalizers: finalizers}
}

func TestWhatHasNoOwnerLeftGoes(t *testing.T) {
	want := Action{Verb: Delete, Policy: metav1.DeletePropagationBackground}
	if diff := cmp.Diff(want, Decide(ownedBy("a", "b"), []OwnerState{Absent, Absent}, nil, false)); diff != "" {
		t.Errorf("action (-want +got):\n%s", diff)
	}
}

func TestWhatNeverHadAnOwnerStays(t *testing.T) {
	if got := Decide(ownedBy(), nil, nil, false); got.Verb != Nothing {
		t.Errorf("action %+v", got)
	}
}

func TestWhatStillHasAnOwnerStaysAndForgetsTheOthers(t *testing.T) {
	if got := Decide(ownedBy("a"), []OwnerState{Solid}, nil, false); got.Verb != Nothing {
		t.Errorf("action %+v", got)
	}
	want := Action{Verb: Disown, Owners: []types.UID{"b", "c"}}
	if diff := cmp.Diff(want, Decide(ownedBy("a", "b", "c"), []OwnerState{Solid, Absent, Waiting}, nil, false)); diff != "" {
		t.Errorf("action (-want +got):\n%s", diff)
	}
}

func TestWhatAnOwnerWaitsForGoesFirst(t *testing.T) {
	leaf := Decide(ownedBy("a"), []OwnerState{Waiting}, nil, false)
	if leaf.Verb != Delete || leaf.Policy != metav1.DeletePropagationBackground {
		t.Errorf("a leaf: %+v", leaf)
	}
	branch := Decide(ownedBy("a"), []OwnerState{Waiting}, []Object{ownedBy("web")}, false)
	if branch.Verb != Delete || branch.Policy != metav1.DeletePropagationForeground {
		t.Errorf("a branch, which has leaves of its own: %+v", branch)
	}
}

func TestAForegroundDeletionEndsWhenNoDependentBlocksIt(t *testing.T) {
	owner := deleting(metav1.FinalizerDeleteDependents)
	if got := Decide(owner, nil, []Object{ownedBy("shop")}, false); got.Verb != Nothing {
		t.Errorf("with a dependent that blocks: %+v", got)
	}
	bystander := ownedBy("shop")
	bystander.Owners[0].BlockOwnerDeletion = nil
	want := Action{Verb: Unfinalize, Finalizer: metav1.FinalizerDeleteDependents}
	for _, dependents := range [][]Object{nil, {bystander}} {
		if diff := cmp.Diff(want, Decide(owner, nil, dependents, false)); diff != "" {
			t.Errorf("with dependents %v (-want +got):\n%s", dependents, diff)
		}
	}
}

func TestAnOrphaningDeletionEndsWhenNobodyNamesTheOwner(t *testing.T) {
	owner := deleting(metav1.FinalizerOrphanDependents)
	child := ownedBy("shop")
	if got := Decide(owner, nil, []Object{child}, false); got.Verb != Nothing {
		t.Errorf("while a child names it: %+v", got)
	}
	if diff := cmp.Diff([]Object{child}, Orphans(owner, []Object{child})); diff != "" {
		t.Errorf("orphans (-want +got):\n%s", diff)
	}
	if got := Decide(owner, nil, nil, false); got.Verb != Unfinalize {
		t.Errorf("when no child does: %+v", got)
	}
}

func TestSomebodyElsesFinalizerIsNotTheCollectorsConcern(t *testing.T) {
	if got := Decide(deleting("example.com/backup"), nil, nil, false); got.Verb != Nothing {
		t.Errorf("action %+v", got)
	}
}

func TestADeletionHappensOnce(t *testing.T) {
	o := ownedBy("a")
	o.Deleting = true
	if got := Decide(o, []OwnerState{Absent}, nil, false); got.Verb != Nothing {
		t.Errorf("action %+v", got)
	}
}

func TestWhatWaitsForItselfBlocksNobodyAnyMore(t *testing.T) {
	o := ownedBy("a")
	o.Deleting, o.Finalizers = true, []string{metav1.FinalizerDeleteDependents}
	if diff := cmp.Diff(Action{Verb: Unblock}, Decide(o, nil, []Object{ownedBy("web")}, true)); diff != "" {
		t.Errorf("action (-want +got):\n%s", diff)
	}
}
