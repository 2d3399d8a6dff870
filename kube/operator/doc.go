// Package operator is the loop that everything in Kubernetes is made of:
//
//	while current_state() != wanted_state: do_operate()
//
// # The problem
//
// A program that carries out commands ("start a third pod") breaks when a command is lost, comes twice,
// or comes while it is away. The world also changes without any command: a process dies.
//
// # The idea
//
// Say what is wanted instead, and let a loop compare that with what is there. Each turn of the loop
// looks at everything anew (it is level-triggered: it acts on the state, not on the message that said
// that the state changed), so a turn may be late, repeated or interrupted and nothing is lost.
//
// A [Loop] is a queue of keys. A watch ([Follow]) puts in the key of what changed; a worker takes it out and
// calls Reconcile, which observes, plans (a pure function in the room's plan.go) and acts. A key that
// is already waiting is not put in twice, one key is never worked on by two workers at once, and a key
// whose turn ended in an error comes back after a growing pause.
//
// The queue also keeps why: each key carries the union of the causes that put it there, and Reconcile's
// context hands them to every write (package trace).
//
// Many objects own others: a ReplicaSet its pods, a Deployment its ReplicaSets. What all such owners do (adopt, release, make in
// growing batches, delete, remember what the watch has not shown yet) is [Children]; what to do is each room's own decision.
//
// A loop can be held (gate.go): in step mode its keys wait, and a person lets them go on one at a time, with kube step.
//
// A [Client] is what a component has of the cluster: a client, shared watches, and a recorder.
//
// # What is simplified
//
// Informers and queues are client-go's own. controller-runtime, which most operators are written
// with, wraps the same two things much as this package does. What it adds: caches by field index,
// predicates, webhooks, many clusters.
//
// Chapter 09 is about this loop.
package operator
