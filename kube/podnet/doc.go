// Package podnet gives every pod its own IP address.
//
// # The problem
//
// Programs that share one address must share its ports: two web servers cannot both listen on 80, so each
// program has to be told a port, and everybody who talks to it has to be told the same. Kubernetes avoids all
// of that with one rule, its network model: every pod has an IP of its own, and every pod reaches every other
// pod, on any node, at that address, with no address translation between them. A pod then looks like a
// small machine, and a port number means the same inside and outside it.
//
// # The idea
//
// A pod's machine is a network namespace: interfaces, routes and ports that only its processes see. A cable leads from it to the node, and
// the node is a router.
//
//		   pod (netns)         pod (netns)                     pod (netns)
//		  eth0 10.244.1.2     eth0 10.244.1.3                 eth0 10.244.2.2
//		      │                   │                               │
//		    pod2 10.244.1.1     pod3 10.244.1.1  the other end  pod2 10.244.2.1
//		  ┌───┴───────────────────┴─────┐                     ┌───┴─────────┐
//		  │ node 1: its routing table   │                     │ node 2      │
//		  └───────────┬─────────────────┘                     └───────┬─────┘
//		              │ eth0 172.30.0.11                 172.30.0.12  │ eth0
//		              └───────────────────────────────────────────────┘
//		   routes on node 1:  10.244.1.2 dev pod2, 10.244.1.3 dev pod3, 10.244.2.0/24 via 172.30.0.12
//
//	  - Each node owns a range (its pod CIDR, 10.244.1.0/24 say), so it gives out addresses without asking anybody.
//	  - A veth pair is a cable with two ends. One is eth0 in the pod, with the pod's address; the other is on the node. All of these have one
//	    address, the first of the range: the pods' default gateway. Each end knows one neighbour, the other (10.244.1.1 peer 10.244.1.2).
//	  - So a pod sends every packet to its node, and the node has one route for each pod of its own, which comes with the cable.
//	  - A node has one route for each other node: "this range is behind that node". Hence pod to pod, across nodes,
//	    with the sender's address untouched.
//	  - Only what leaves the cluster is translated: the world knows no way back to 10.244.0.0/16, so such
//	    packets carry the node's address (source NAT, "masquerade").
//
// # Why there is no bridge
//
// Many pod networks plug a node's pods into a bridge, a switch made of software. Then pods of one node exchange frames that the node's IP layer
// never sees. But a service's address is put in place of a pod's by the IP layer, which must see the answer too, and so must whoever counts
// packets or forbids them. The kernel's module br_netfilter makes a bridge show its frames to the IP layer; a cluster then depends on a module,
// and on a setting of the whole machine. Where every packet is routed, the rules of the node apply to all of them, and there is one way
// through a node instead of two.
//
// Services' virtual IPs are another concept: package services rewrites destinations, in a table of its own.
//
// # Loops
//
// Two comparisons of wanted and current state live here. [PlanRepair] compares the addresses on disk, the kernel's
// namespaces and cables, and the pods that the runtime still has: a crash at any instant of Attach or Detach
// leaves something that it sees and mends when the network is opened again. [PlanRoutes] compares the cluster's nodes with the kernel's routes.
//
// # Simplified
//
// Real Kubernetes leaves all of this to a CNI plugin: a program that the runtime calls with ADD and DEL (flannel,
// Calico, Cilium, …). Here it is a Go package that the runtime calls. IPv4 only. Nodes must share a link: a route
// via the node's IP needs that. Nodes that do not share one would need a tunnel (VXLAN, WireGuard, IP-in-IP), which is left out.
// Ranges have a fixed size, and there is no bandwidth limit. Who may talk to whom is not limited yet.
//
// Chapter 12 is about this network.
package podnet
