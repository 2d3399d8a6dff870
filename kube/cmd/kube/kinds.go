//go:build linux

package main

import (
	"slices"

	"kubelab/kube/api"
	"kubelab/kube/deployments"
	"kubelab/kube/garbage"
	"kubelab/kube/nodes"
	"kubelab/kube/pods"
	"kubelab/kube/replicasets"
	"kubelab/kube/serviceaccounts"
	"kubelab/kube/services"
)

// kinds are all kinds of object that the cluster has: each concept brings its own.
func kinds() []api.Kind {
	return slices.Concat(api.Kinds, garbage.Kinds, nodes.Kinds, []api.Kind{pods.Kind}, services.Kinds, serviceaccounts.Kinds, replicasets.Kinds, deployments.Kinds)
}
