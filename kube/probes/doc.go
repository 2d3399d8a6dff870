// Package probes asks containers how they are: whether they have started, whether they can be sent requests, whether they have to be restarted.
//
// # The problem
//
// That a process runs says little. It may still be loading, it may have lost its database, it may hang for ever in a lock. From outside nobody
// can tell: only the program can, if somebody asks. And three different people want to know three different things.
//
//	probe       the question              what a failure does
//	startup     have you finished         nothing, until it has failed too often: then as liveness.
//	            starting?                 As long as it has not succeeded, the other two are not asked
//	liveness    do you need a restart?    the container is stopped, and starts again by its restart policy
//	readiness   may requests be sent to   the pod leaves the endpoints of its Services, and comes back with the next
//	            you?                      success. Nothing is restarted
//
// # The idea
//
// One failure is no news: a packet is lost, a collector of garbage pauses. So what is known changes only when a probe has said the same
// several times in a row: [Record.After]. What follows from what is known, and when to ask again, is one pure function of the container's
// three records: [Plan]. Nobody else decides on it: the status that a pod shows, the stop of a container, the next turn of a probe
// are all read off the same [Decision].
//
//	t=0   started     delay     1 s   period     period     period
//	|-----------------|---------x-----------x----------x    failureThreshold 3: now it is known
//	      startup gates the others
//
// Before anything is known a container is taken not to be ready, for a request that is sent to it might be lost, and not to be
// in need of a restart, for a restart loses more. When a container starts anew, so does all that is known of it.
//
// Each probe of a container that runs is a goroutine of its own that sleeps until it is due: [Prober]. It asks the runtime for nothing, but for the command of
// an exec probe; all others go from the node straight to the address of the pod, as a request of any other client would. As
// long as its answers change nothing, nobody hears of it: no step is recorded, no status is written, no loop turns. A pod that is deleted is
// still asked whether it is ready, for it still serves, and not whether it lives: it is being stopped anyway.
//
// # Why
//
// A failure comes from outside the cluster, so its step is a root (package trace), as an exit is. All the failures that it took are the causes of what
// follows from them: kube why shows when the probe failed before the container was stopped, and what it answered. A first
// success is no root: it follows from the container's start.
//
// # What is simplified
//
// Upstream keeps the results in three managers with a channel each, and the worker of a probe outlives the container that it asks. Here a container
// is asked by workers of its own. A kubelet that starts while containers run begins, as upstream's does, with what the pod's status says of them, so
// nothing flaps; and it spreads its first questions over a period.
//
// Chapter 05 is about probes.
package probes
