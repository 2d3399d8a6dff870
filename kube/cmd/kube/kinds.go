//go:build linux

package main

import (
	"net/netip"
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

// kinds are all kinds of object of a cluster whose services have the addresses of a range: each concept brings its own.
func kinds(serviceRange netip.Prefix) []api.Kind {
	return slices.Concat(api.Kinds, garbage.Kinds, nodes.Kinds, []api.Kind{pods.Kind}, services.KindsIn(serviceRange), serviceaccounts.Kinds, replicasets.Kinds, deployments.Kinds)
}
