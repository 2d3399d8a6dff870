package replicationcontrollers

import "kubelab/kube/component"

// Loops are the loop of this room, and what it may do: it reads its ReplicationControllers and their pods, makes, adopts, releases and
// removes pods, and reports on ReplicationControllers.
var Loops = []component.Loop{{
	Name: "replicationcontrollers", Resource: "replicationcontrollers", Rights: []component.Right{
		component.May("get list watch", "", "replicationcontrollers"),
		component.May("list watch create patch delete", "", "pods"),
		component.May("update", "", "replicationcontrollers/status"),
		component.WriteEvents,
	},
}}
