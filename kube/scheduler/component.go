package scheduler

import "kubelab/kube/component"

// Component is the scheduler. Of a pod it may write where it is to run, and why there is no place for it: it makes none and removes
// none.
var Component = component.Component{
	Name: "scheduler", Place: component.ControlPlane, User: "system:kube-scheduler", Lease: "kube-scheduler",
	Short: "Find a node for each pod",
	Loops: []component.Loop{loop},
}

var loop = component.Loop{Name: "scheduler", Resource: "pods", Rights: []component.Right{
	component.May("list watch", "", "namespaces", "nodes", "pods"),
	component.May("get", "", "pods"), // whether a bind whose answer was lost was carried out
	component.May("create", "", "pods/binding"),
	component.May("patch", "", "pods/status"),
	component.WriteEvents,
}}
