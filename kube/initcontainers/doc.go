// Package initcontainers is the order in which a pod's containers start and stop.
//
// # The problem
//
// A program often needs something to have happened before it starts: a schema that was migrated, a file that was fetched, a service
// that answers. And it often needs a companion for as long as it runs: one that refreshes its certificate, ships its logs, carries its
// traffic. Written into the program's own start script, both are done again and again in every image, and whoever looks from outside
// sees only one container that "hangs".
//
// # The idea
//
// A pod has a list of init containers besides its main ones, and the list is a sequence. An init container runs to its end. It must end with 0 before
// the next one starts. One that fails is tried again, with the back-off that all containers have, or ends the pod, if the pod's
// restart policy is Never. When the last one is through, the main containers start, all at once.
//
// An init container that says restartPolicy: Always is a sidecar. It starts in its place in the sequence, and the next one waits only until it has
// started: it runs, and its startup probe has passed. From then on it lives beside the main containers: it is restarted
// by itself whenever it ends, and it is stopped only after all of them have ended, the last one of the list first. It keeps no pod alive: when
// the main containers have done their work, so has the pod. That is what lets a Job have one.
//
//	init-1 ├──0┤
//	sidecar     ├──────────started──────────────────────────┤ stopped after main
//	init-2                 ├──1┤ back-off ├──0┤
//	main                                       ├────────────┤
//
// What was done once in a sandbox is not done again in it. A main container that is restarted finds all as the init containers have left it; so does one
// that is started by a kubelet which knows nothing of the past. But a new sandbox is another network and other processes: there the sequence begins anew.
//
// # The rule
//
// [Plan] looks at what each container has done and says which are to run now. It keeps no place in the sequence: the place follows from what there is.
//
//	what there is in this sandbox               what is to run
//	a main container has been made              all sidecars, all main containers
//	else: the last of the sequence that was     the sidecars before it, and
//	made, and it
//	    runs, an init container                 it
//	    runs, a sidecar that has not started    it
//	    has ended with an error                 it again, if its restart rule says so; else the pod has failed
//	    is through                              the one after it, or the main containers
//	all main containers are done                nothing: the pod is over, see [Stop]
//
// That the last one counts has a reason: of those before it, the records may be gone.
//
// # What is simplified
//
// That an init container has ended may be known only from the pod's status. It is believed in the pod's first sandbox. In a later one it is run again: it
// should do no harm to do its work twice, as upstream asks of it too. Upstream's rule RestartAllContainers, by which the exit of one container begins the
// whole sequence anew, is refused by name. Upstream has this in kuberuntime: computeInitContainerActions, and termination_order.go.
//
// Who carries it out, with the back-off, the images and the statuses, is package pods. Chapter 04 is about this.
package initcontainers
