package garbage

import "kubelab/kube/component"

// Loops are the loops of this room.
var Loops = []component.Loop{ownersLoop, namespacesLoop}

// What each may do. Both deal with objects of all kinds, also of kinds that nobody knows yet
// when this is written: an owner may be of any kind, and so may what is in a namespace. They read of each only its outside (its
// metadata), but no rule of RBAC can say so. Neither reaches a subresource but those of the namespace, nor creates or replaces
// anything.
var (
	ownersLoop = component.Loop{Name: "owners", Resource: "objects", Rights: []component.Right{
		component.May("get list watch patch delete", "*", "*").Because("objects of every kind own, and are owned"),
	}}
	namespacesLoop = component.Loop{Name: "namespaces", Resource: "namespaces", Rights: []component.Right{
		component.May("list deletecollection", "*", "*").Because("a namespace that goes takes objects of every kind with it"),
		component.May("list watch", "", "namespaces"),
		component.May("update", "", "namespaces/finalize", "namespaces/status"),
	}}
)
