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
// A pod's machine is a network namespace: interfaces, routes and ports that only its processes see. The rest is
// the wiring of a small office.
//
//		   pod (netns)         pod (netns)                     pod (netns)
//		  eth0 10.244.1.2     eth0 10.244.1.3                 eth0 10.244.2.2
//		      │                   │                               │
//		    pod2                pod3      the other cable end   pod2
//		  ┌───┴───────────────────┴───┐                       ┌───┴───────┐
//		  │ cbr0  10.244.1.1          │ the switch            │ cbr0 …2.1 │
//		  └───────────┬───────────────┘                       └─────┬─────┘
//		       node 1 │ eth0 172.30.0.11                node 2 eth0 │ 172.30.0.12
//		              └─────────────────────────────────────────────┘
//		   route on node 1: 10.244.2.0/24 via 172.30.0.12
//
//	  - Each node owns a range (its pod CIDR, 10.244.1.0/24 say), so it gives out addresses without asking anybody.
//	  - A veth pair is a cable with two ends: one is eth0 in the pod, the other a port of the node's bridge.
//	  - The bridge has the first address of the range: it is the pods' default gateway.
//	  - A node has one route for each other node: "this range is behind that node". Hence pod to pod, across nodes,
//	    with the sender's address untouched.
//	  - Only what leaves the cluster is translated: the world knows no way back to 10.244.0.0/16, so such
//	    packets carry the node's address (source NAT, "masquerade").
//
// Services' virtual IPs are another concept: package services rewrites destinations, in a table of its own.
//
// # Loops
//
// Two comparisons of wanted and current state live here. [PlanRepair] compares the addresses on disk, the kernel's
// namespaces and bridge ports, and the pods that the runtime still has: a crash at any instant of Attach or Detach
// leaves something that it sees and mends when the network is opened again. [PlanRoutes] compares the cluster's nodes with the kernel's routes.
//
// # br_netfilter
//
// A packet from a pod to a service goes to the gateway, is given the address of a chosen pod, and is sent there. If that pod is on
// the same bridge as the sender, its answer could take the short way: straight across the bridge, never seen by the node's IP
// layer, which therefore cannot put the service's address back. The sender gets an answer from a stranger and drops it: the
// connection times out. The sysctl bridge-nf-call-iptables = 1 (from the kernel module br_netfilter) makes the bridge show
// such frames to the IP layer. [Open] sets it. Where the module is missing, [Network.BridgeFilter] is false: all works, except
// a service whose chosen pod is on the sender's own node, and policies between pods of one node. The remedy is `modprobe br_netfilter`.
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
