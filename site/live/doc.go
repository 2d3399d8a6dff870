// Package live gathers the frames of a running cluster for the lab site and for `kube record`.
//
// # The problem
//
// What happens in a cluster is told in many places: objects at the API server, reasons in the causal record, and
// processes, namespaces, cables and rules on each host. A picture needs all of it, in order, as it happens, and must not
// disturb what it shows.
//
// # The idea
//
// A plain client, as kubectl is one. It asks the API server which resources there are and watches each of them; a second
// stream brings the steps of the causal record, and [record.Order] puts each reason before what it wrote. What no object
// says is read on the hosts: not all the time, but when a step or a pod says that something has changed there. Only
// processes, which say nothing when they die, are looked at every second. What is as it was makes no frame.
//
// The values of Secrets never get further than this package. They are masked before anything else sees an object, and of
// a process's command line only the program is told: an argument may be the value of a Secret.
//
// # Simplified
//
// A resource that is added while we watch is seen by the next start. Of events the newest stay, and of leases only
// changes of their holder are told: a heartbeat is no news.
package live
