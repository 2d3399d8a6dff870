// Package cluster decides which process runs where, and makes the places: a whole cluster on one machine.
//
// # The problem
//
// The parts of Kubernetes are ordinary programs that find each other over a network. To see what that
// means (a node that loses power, a cable that is pulled, a control plane that is away) one needs several
// machines. Most people have one.
//
// # The idea
//
// What makes a machine a machine, to the programs on it, are the kernel's namespaces. A [Host] is a set
// of them: its own network with one address, its own process table, its own mounts, its own name. Its
// first process starts the host's components and starts again what ends; when that first process dies,
// the kernel kills everything in its process table at once: that is a power cut. A cgroup around the host
// says how much CPU and memory it has.
//
// Hosts are plugged into a switch (a bridge in a namespace of its own, so that no firewall of the machine
// looks into it). The machine itself has one leg in that switch, as the hosts' router to the world:
//
//	   machine ── 172.30.0.1 ──┐   masquerade to the outside
//	                       [ switch ]
//	          ┌────────────────┼────────────────┐
//	control-plane .10      node-1 .11       node-2 .12
//	etcd apiserver      runtime kubelet   runtime kubelet
//	scheduler            proxy dns          proxy dns
//	controllers
//
// [Spec.Components] is the whole answer to "which process runs where", as data. [Plan] is the loop again:
// which of the wanted processes are not there? `kube up` carries it out whenever a host ends, until a
// person ends it. All of them are processes in their own right: when `kube up` is killed, they go on, and
// the next `kube up` takes up where it was. [Down] leaves the machine as it was.
//
// Before it makes anything, [Up] tries what a cluster relies on, each for real: an overlay, a cgroup, a switch, and a node in small, where one
// pod calls another of the same node by a service. What fails is named with its remedy. What a cluster can do without is told by [Notes]: a
// firewall that keeps its hosts in, networks that its pods do not reach.
//
// # What is simplified
//
// kind and k3d give each node a container with an init system in it; we give it what a container is made
// of. Hosts share the machine's files, so one directory tree holds what all of them keep. A cluster over
// several real machines has the same components with the same arguments; only the places are real.
//
// Chapter 22 is about this room.
package cluster
