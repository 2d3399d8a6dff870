// Package kubelet is the agent of a node.
//
// # The problem
//
// The API server keeps what is wanted: this pod, on that node. It reaches into no machine, starts no process and
// knows of no exit. On every node there must be somebody who reads what is wanted there, sees to it, and says what
// is.
//
// # The idea
//
// Nobody calls a kubelet to give it work. It watches the pods that are bound to its node, and everything else
// follows:
//
//   - Package pods brings them up and down, through the container runtime.
//   - The Node object is the kubelet's own: it makes it, says in it what the machine has to give, and whether pods
//     can run there (the condition Ready). The range of the pods' addresses comes back in it, and goes on to the
//     runtime; a node is not Ready before.
//   - A Lease, renewed every second, says that there is somebody at home. The node's status is large and is
//     written when it changes; the lease is small and is written all the time. Whoever decides that a node is lost
//     (package nodes) looks at the lease.
//   - A process that ends is no event of the API. The kubelet hears of it from the runtime, in a stream of events. It lists what the
//     runtime has when the stream begins or has broken, and now and then, as events can get lost.
//
// In one matter a kubelet is a server: logs, exec, attach and port-forward lead into its containers. Package serve is
// that server.
//
// # What a death costs
//
// Nothing. Containers are not children of the kubelet. The next one finds sandboxes and containers in the
// runtime by their labels, compares them with the API server's pods, and goes on: no container is started twice,
// and an exit that nobody saw is in the runtime's record. Without an API server a kubelet starts, renews nothing,
// leaves what runs alone (it cannot know what is wanted: it keeps no copy of the pods) and serves.
//
// # What is simplified
//
// A real kubelet also runs pods from files on its disk (static pods, which is how kubeadm starts the control
// plane), measures pressure on memory, disk and process numbers and evicts pods by it (here only the size of a volume counts: package eviction), collects unused images, manages
// devices and CPUs, and rotates its certificates. Ours says that there is no pressure.
//
// Chapter 11 is about the node.
package kubelet
