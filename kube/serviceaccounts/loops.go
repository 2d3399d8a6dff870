package serviceaccounts

import "kubelab/kube/component"

// Loops are the loop of this room, and what it may do: in each namespace it makes one account and one ConfigMap, by their names.
var Loops = []component.Loop{{
	Name: "serviceaccounts", Resource: "namespaces", Rights: []component.Right{
		component.May("list watch", "", "namespaces", "serviceaccounts", "configmaps"),
		component.May("create", "", "serviceaccounts").Named(Default),
		component.May("create update", "", "configmaps").Named(RootCA),
	},
}}
