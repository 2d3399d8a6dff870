package nodes

import (
	corev1 "k8s.io/api/core/v1"

	"kubelab/kube/component"
)

// Loops are the loops of this room.
var Loops = []component.Loop{healthLoop, rangesLoop, evictionsLoop}

// What each may do.
var (
	healthLoop = component.Loop{Name: "node-health", Resource: "nodes", Rights: []component.Right{
		component.May("list watch", "", "nodes", "pods"),
		component.May("list watch", "coordination.k8s.io", "leases"), // the collector of garbage shares this watch
		component.May("get", "coordination.k8s.io", "leases").In(corev1.NamespaceNodeLease),
		component.May("get", "", "namespaces").Named(corev1.NamespaceNodeLease), // the proof that it hears
		component.May("update", "", "nodes", "nodes/status", "pods/status"),
		component.WriteEvents,
	}}
	rangesLoop = component.Loop{Name: "pod-ranges", Resource: "nodes", Rights: []component.Right{
		component.May("list watch patch", "", "nodes"),
		component.WriteEvents,
	}}
	evictionsLoop = component.Loop{Name: "evictions", Resource: "pods", Rights: []component.Right{
		component.May("list watch", "", "nodes", "pods"),
		component.May("get", "", "nodes"), // one more look before the pods of a node that is gone are removed
		component.May("delete", "", "pods"),
		component.WriteEvents,
	}}
)
