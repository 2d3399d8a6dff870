// Package garbage clears away what nobody needs any more: what is left of deleted owners, and what is in deleted
// namespaces.
//
// # The problem
//
// One object leads to others: a Deployment to ReplicaSets, a ReplicaSet to pods. Whoever deletes the first means
// all of them. But the server knows nothing of what one kind has to do with another, and the operator that
// made them may never see the deletion, because it was away.
//
// # The idea
//
// Every object may name its owners (metadata.ownerReferences), by their UID: a new object of the same name is
// another one. A single loop then does it for all kinds ([Decide]): an object all of whose owners are gone
// goes too. It looks at nothing but metadata, so it works for kinds that users add later.
//
// Deletion itself is a state, not an instant. An object that is deleted gets a deletionTimestamp and stays as long
// as its list of finalizers is not empty: each is somebody's promise to finish something first. Two of them
// are the collector's own:
//
//   - foregroundDeletion: what I own goes first (only what blocks my deletion counts);
//   - orphan: what I own shall stay, and forget me.
//
// Without either, the owner goes at once and the rest follows in the background.
//
// A namespace has a finalizer of its own, in its spec: it stays as "Terminating" until everything in it is gone
// ([PlanNamespace]), and while it does, nothing new can be made in it.
//
// A watch may be behind, and a deletion is for good. So every step names the revision that it was decided on, and
// the server refuses it if there is a newer one; and an owner that no watch shows is looked up before it
// counts as gone.
//
// # What is simplified
//
// Real Kubernetes warns of owners in other namespaces.
//
// Chapter 21 is about operators, and about cleaning up after them.
package garbage
