// Package pods is a pod's whole life on its node, told to any container runtime.
//
// # The problem
//
// A pod is a wish: these containers, on one address, kept running like that. A container runtime knows no wishes. It
// carries out single commands, and forgets why: make a sandbox, pull an image, start a container. Between the two stands
// everything that can happen in a pod's life: a program that crashes every second, an image that is not to be had, a
// ConfigMap that somebody will create tomorrow, a container that does not end when it is asked to, a kubelet that is
// killed in the middle of all that.
//
// # The idea
//
// One pure function, [Plan]: (the pod, what there is of it, now) -> actions and status. It is asked again whenever
// anything happens, and each time it looks at everything anew. So there is no state in which a pod "is being
// started": there is a sandbox or there is none, there is an image or not, a container has ended or runs, and from that
// follows the next step.
//
//	what there is                               what to do
//	nothing                                     create sandbox, pull images (both at once)
//	sandbox, image                              start the container
//	the container has ended, with code 1        ask the restart policy; start it anew, or wait until it is due
//	the pod is deleted, a container runs        stop it, with what is left of its grace
//	the pod is deleted, nothing runs            stop the sandbox; tell how it ended; remove it; delete the object
//	the API does not know the pod               as if deleted, and nobody is told
//
// An action can take long: a pull, or a stop for the whole grace period. So none is done in the turn of the loop that
// decided on it. Each is a job of its own, and its end is one more thing that happens. [Operator] sees to that; it
// is a loop as all others are.
//
// What the runtime has is known before anybody asks (package observed): its events tell it, and a list tells what events have missed. So a turn costs the
// runtime nothing, but after a job whose events are late. Each record bears the steps that made it what it is.
//
// A job makes things before it can say so: a container runs already, and its start is not over. What a job is making does not count until the
// job has ended, for only then its causes are known. A turn has what came of the jobs that ended since the last one among its causes. So
// whatever is written of a pod, the causal record leads on from there.
//
// A status tells a story, and it does not go back: each attempt of a container waits, runs, has ended, and counts once it has begun. That
// nobody knows how one ended is said only when nothing can become known any more.
//
// Whether a container that runs is well its probes say (package probes). The plan is told what is known by them, as it is told what the runtime has. A hook
// belongs to the job around it (package hooks): a start is not over before its postStart hook is, so until then the container does not run for
// anybody; a stop begins with the preStop hook, which takes its time from the grace. A hook runs at least once: a kubelet that is killed while one runs may
// run it again at a stop, and does not know of one that failed after a start. The containers of a pod that was deleted by force are stopped without.
//
// Before the first step the node looks at the pod itself (package refusal), for who writes a node's name into a pod asks no scheduler: is there room
// for it, does it want to be here, are its ports free? A pod that the node does not take has failed.
//
// What must survive the kubelet is not kept in it. Restart counts and the back-off stand in the runtime's records, as labels and
// annotations that the kubelet gave each container; the rest stands in the pod's status. A status is a function of both, and said again
// it does not change, so it is written when it differs, and only then. One exception is on purpose: a pod that comes
// up without trouble within a fifth of a second is told of once, when it runs.
//
// # Where to read
//
// plan.go (up), plan_end.go (down), plan_status.go and plan_phase.go (what to say). The shell around it: plan_observed.go and
// observe.go (what the runtime has; how that is known is in package observed), operator.go, jobs.go, health.go (probes and hooks). What a runtime is told of a pod is in package cri.
// The Pod as an object of the API is in package podkind.
//
// # What is simplified
//
// Volumes and probes are rooms of their own, and so is the order in which containers start and stop (package initcontainers). Upstream's kubelet also has static pods,
// user namespaces, in-place resize and garbage collection of images, and spreads what is here over some thirty packages, because it grew before the idea of a plan was there:
// there the decision is computePodActions, in the middle.
//
// Chapter 03 is about the pod.
package pods
