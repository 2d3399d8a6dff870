package services

import "kubelab/kube/component"

const discovery = "discovery.k8s.io"

// Loops are the loop that writes endpoint slices, and what it may do.
var Loops = []component.Loop{{
	Name: "endpointslices", Resource: "services", Rights: []component.Right{
		component.May("list watch", "", "services", "pods", "nodes"), // a pod's address has to be its node's
		component.May("list watch create update delete", discovery, "endpointslices"),
		component.WriteEvents,
	},
}}

// Component is the proxy of a node. It only reads: what it makes are rules and routes of its own host.
var Component = component.Component{
	Name: "proxy", Place: component.Node, User: "system:kube-proxy",
	Short: "Keep this node's rules for services, and its routes to the pods of other nodes",
	Loops: []component.Loop{rulesLoop, RoutesLoop},
	Flags: []string{"--cluster-cidr {pods}", "--service-cidr {services}"},
}

var rulesLoop = component.Loop{Name: "rules", Resource: "services", Rights: []component.Right{
	component.May("list watch", "", "services", "nodes"), // a port of its node's leads to a service, too
	component.May("list watch", discovery, "endpointslices"),
}}

// RoutesLoop is the loop that keeps a node's routes to the pods of the others.
var RoutesLoop = component.Loop{Name: "routes", Resource: "nodes", Rights: []component.Right{component.May("list watch", "", "nodes")}}
