package replicasets

import "kubelab/kube/component"

// Loops are the loop of this room, and what it may do: it reads its ReplicaSets and their pods, makes, adopts, releases and removes pods,
// and reports on ReplicaSets.
var Loops = []component.Loop{{
	Name: "replicasets", Resource: "replicasets", Rights: []component.Right{
		component.May("get list watch", "apps", "replicasets"),
		component.May("list watch create patch delete", "", "pods"),
		component.May("update", "apps", "replicasets/status"),
		component.WriteEvents,
	},
}}
