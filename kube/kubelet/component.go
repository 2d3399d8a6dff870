package kubelet

import (
	corev1 "k8s.io/api/core/v1"

	"kubelab/kube/access"
	"kubelab/kube/component"
	"kubelab/kube/pods"
)

// Component is the kubelet, which speaks for its node. Other people's programs run beside it, so it is the part that an intruder
// reaches first: it may write its own Node, its own Lease and what becomes of its own pods, and reads only what these pods name.
var Component = component.Component{
	Name: "kubelet", Place: component.Node, User: access.NodePrefix + "{host}", Groups: []string{access.NodesGroup}, Serves: true,
	Short:  "Keep this node's pods as they should be, and speak for the node",
	Speaks: []string{"runtime"}, // which does not know the API server
	Rights: []component.Right{ // the heartbeat, which no step mode holds
		component.May("get create update", "coordination.k8s.io", "leases").In(corev1.NamespaceNodeLease).Only(component.OwnName),
	},
	Loops: []component.Loop{nodeLoop, pods.Loop},
	Flags: []string{
		"--node-ip {address}", "--runtime {runtime}", "--root {host-files}/kubelet", "--cgroup-root {cgroup}",
		"--cluster-dns {dns}", "--cluster-domain {domain}",
		"--tls-cert {host-files}/pki/kubelet.crt", "--tls-key {host-files}/pki/kubelet.key", "--client-ca {pki}/ca.crt",
		"--cpu {cpu}", "--memory {memory}",
	},
}

var nodeLoop = component.Loop{Name: "node", Resource: "nodes", Rights: []component.Right{
	component.May("get list watch create patch", "", "nodes").Only(component.OwnName),
	component.May("patch", "", "nodes/status").Only(component.OwnName),
}}
