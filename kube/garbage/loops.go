package garbage

import "kubelab/kube/component"

// Loops are the loops of this room.
var Loops = []component.Loop{ownersLoop, namespacesLoop}

// What each may do. Both deal with objects of all kinds, also of kinds that nobody knows yet when this is written: an owner may be of
// any kind, and so may what is in a namespace. But they see of an object only its metadata, so they read no Secret; of that they change
// only whose it is and what holds it; and they reach no subresource but those of the namespace.
var (
	ownersLoop = component.Loop{Name: "owners", Resource: "objects", Rights: []component.Right{
		component.May("get list watch patch", "*", "*").OnlyMetadata().Because("objects of every kind own, and are owned"),
		component.May("delete", "*", "*").OnlyMetadata().Because("what nobody owns any more may be of every kind"),
		// These watches are shared with other loops, which look at all of an object.
		component.May("list watch", "", "namespaces", "nodes", "pods"),
		component.May("list watch", "coordination.k8s.io", "leases"),
	}}
	namespacesLoop = component.Loop{Name: "namespaces", Resource: "namespaces", Rights: []component.Right{
		component.May("list", "*", "*").OnlyMetadata().Because("a namespace that goes takes objects of every kind with it"),
		component.May("deletecollection", "*", "*").OnlyMetadata().Because("a namespace that goes takes objects of every kind with it"),
		component.May("list watch", "", "namespaces"),
		component.May("update", "", "namespaces/finalize", "namespaces/status"),
	}}
)
