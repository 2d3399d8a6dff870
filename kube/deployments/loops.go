package deployments

import "kubelab/kube/component"

// Loops are the loop of this room, and what it may do: it reads its Deployments and their ReplicaSets, makes, sizes, adopts and removes
// ReplicaSets, and reports on Deployments. It touches no pod.
var Loops = []component.Loop{{
	Name: "deployments", Resource: "deployments", Rights: []component.Right{
		component.May("get list watch", "apps", "deployments", "replicasets"),
		component.May("create update patch delete", "apps", "replicasets"),
		component.May("patch", "apps", "deployments"), // its revision
		component.May("update", "apps", "deployments/status"),
		component.WriteEvents,
	},
}}
