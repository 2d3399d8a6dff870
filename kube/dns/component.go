package dns

import "kubelab/kube/component"

// Component is the name server of a node. It has no loop, for it keeps nothing: it answers from what its watches see.
var Component = component.Component{
	Name: "dns", Place: component.Node, User: "system:kube-dns",
	Short: "Answer for the names of services and pods, on this node",
	Rights: []component.Right{
		component.May("list watch", "", "services"),
		component.May("list watch", "discovery.k8s.io", "endpointslices"),
	},
	Flags: []string{"--listen {dns}:53", "--domain {domain}", "--upstream {upstream}"},
}
