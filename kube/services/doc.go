// Package services gives a changing set of pods one stable address.
//
// # The problem
//
// A pod's address dies with the pod. A Deployment's pods come and go, on any node, and at any moment some of
// them are not ready. Whoever wants to talk to "the web servers" would have to know all of their addresses,
// at all times. Somebody must know them; the question is how to spare everybody else.
//
// # The idea
//
// Two loops, neither of which knows the other, turn a selector into packets that arrive:
//
//	Service web              selector app=web, address 10.96.3.7:80     a person wrote it
//	   │                     (the server chose the address: package servicekind)
//	   ▼  PlanEndpoints      which pods are behind it, and are they ready?
//	EndpointSlice web-x4k2p  10.244.1.5 ready, 10.244.2.8 ready          in kube controllers
//	   │
//	   ▼  PlanFrontends      what must this node do with packets to 10.96.3.7:80?
//	nftables rows            10.96.3.7 . 80 . 0 : 10.244.1.5 . 8080      in kube proxy, on each node
//
// The address of a service is virtual: no interface has it. On each node the kernel replaces it, in the first packet
// of a connection, by the address of an endpoint that it picks at random, remembers that (connection
// tracking), and does the same to the rest of the connection, and the reverse to the answers. So there is no server in the
// middle, nothing to overload, and when the proxy dies the kernel goes on.
//
// # Rows, not rules
//
// The table kubelab-services has a handful of rules that never change (rules.go). Services and endpoints are rows of maps, which
// the kernel finds by hashing, as fast among ten thousand as alone:
//
//	map services       { 10.96.3.7 . tcp . 80 : goto tcp-pick-2 }
//	map tcp-endpoints  { 10.96.3.7 . 80 . 0 : 10.244.1.5 . 8080,
//	                     10.96.3.7 . 80 . 1 : 10.244.2.8 . 8080 }
//	chain tcp-pick-2   { dnat to ip daddr . tcp dport . numgen random mod 2 map @tcp-endpoints }
//
// The chain is shared by all services with two endpoints. When a pod goes, a few rows change: [rules.Table] says
// which, and one transaction changes them all in the same instant. What has a service's address and no row is refused at once,
// because a client that is told "nobody here" can do better than one that waits.
//
// Two cases need the node's own address as the sender's (masquerade): a pod that was sent to itself would answer itself
// directly, and a pod on another node that is asked from outside would answer past the node that knows the translation.
//
// # What is simplified
//
//   - IPv4 only. No externalIPs and no loadBalancerSourceRanges (refused); nobody gives a LoadBalancer its address.
//   - A client with affinity goes to the endpoint that the hash of its address says. Nothing is stored, and it may move to
//     another endpoint when their number changes. Kubernetes stores each client for timeoutSeconds.
//   - A node port is open at the node's main address only, and not at 127.0.0.1. With externalTrafficPolicy Local this holds
//     for the pods of the node too; a node without an endpoint refuses (Kubernetes drops).
//   - Zones play no part (trafficDistribution, topology hints). There are no Endpoints objects, the older form of slices.
//   - Kubernetes has the same two loops: endpointslice-controller, and kube-proxy with nftables (a chain per service and per
//     endpoint), iptables or IPVS. Some networks (Cilium) do it with eBPF instead.
//
// Chapter 13 is about services, chapter 14 about those that are reached from outside.
package services
