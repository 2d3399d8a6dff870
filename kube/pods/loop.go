package pods

import "kubelab/kube/component"

// Loop is the loop of this room, which turns in a kubelet, and what it may do there: only to pods of its node, and with what these name.
var Loop = component.Loop{Name: "kubelet", Resource: "pods", Rights: []component.Right{
	component.May("get list watch delete", "", "pods").Only(component.OwnPods),
	component.May("patch", "", "pods/status").Only(component.OwnPods),
	component.May("get list watch", "", "configmaps", "secrets").Only(component.OwnPodsNeeds), // who lists one by its name could get it
	component.May("create", "", "serviceaccounts/token").Only(component.OwnPodsNeeds),
	component.May("list watch", "", "services"), // a container is told where the API is
	component.WriteEvents,
}}
