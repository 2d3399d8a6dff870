// Package nodes looks after the machines: which are there, which are lost, and what becomes of their pods.
//
// # The problem
//
// A machine that dies tells nobody. All that others can see is that it has gone silent, and silence has many
// reasons: it lost its power, its cable was pulled, its kubelet hangs, or we are deaf ourselves. The pods on
// it may be dead, or running and unheard. If we start others in their place too soon, we run things twice
// that should run once; if too late, users wait.
//
// # The idea
//
// Each kubelet renews a lease every second. Silence is judged in steps, each of which can be taken back:
//
//  1. Not renewed for four seconds ([Grace]): nobody knows how the node is. Its conditions become Unknown.
//  2. Conditions become taints ([Taints]): nothing new is scheduled there.
//  3. Its pods are marked as not ready: services send them nothing more.
//  4. Each pod says by its tolerations how long it puts up with that (five minutes where it does not say). Then it
//     is deleted ([PlanEviction]), and whoever keeps such pods running starts another one elsewhere.
//
// A deleted pod on a silent node stays until its kubelet confirms that it has ended, or until a person
// says that the machine will not come back by deleting the node: then its pods are cleared away.
//
// Only silence that was listened to counts. While the API server was away, or this program was, no lease could have
// been heard of, so every node gets a full grace afterwards ([LostAt]). That we do listen is proved every
// second by a question that the store itself has to answer.
//
// The node itself takes Unknown back: it alone knows how it is. Its kubelet watches its own node, and writes its
// conditions again when they are not what it said.
//
// This room also cuts a range of pod addresses for every node out of the pod network ([FreeRange]).
//
// # What is simplified
//
// Real Kubernetes waits 40 to 50 s before a node is lost, slows evictions down when many nodes of a zone are lost, and
// stops them when all are (a network that is cut in the middle looks like that). It marks an evicted pod as
// disrupted and one of a vanished node as failed, clears away finished pods when there are
// thousands, and has a taint by which a person declares a node out of service.
//
// Chapter 22 is about nodes that join, fail and leave.
package nodes
