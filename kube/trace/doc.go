// Package trace keeps the causal record: not what the state of the cluster is, but why it is so.
//
// # The problem
//
// A person types one command, and some forty things happen in nine kinds of process on four hosts. Each of
// them is simple. What is hard to see is which one set off which: every component only ever reacts to
// objects that changed, and the object does not say who changed it or why.
//
// # The idea
//
// Everything that a component does is a [Step], and each step names the steps that caused it. A step
// without a cause is a root, and there are only three kinds of root: a person's request, the clock,
// and an event from outside the cluster (a process ended, a cable was cut).
//
// Causes travel with the work:
//
//   - A step that wrote an object is known by the revision it wrote: [Wrote]. So whoever sees an
//     object in a watch knows the cause of what it does next without asking: the object's own
//     resourceVersion.
//   - The queue of a loop (package operator) keeps the union of the causes of a key and puts them into
//     the context: [WithCauses].
//   - [Transport] sends the causes in that context as a header with each write, and the API server
//     stores the step in the same etcd transaction as the object. A write and its reason cannot be
//     torn apart.
//   - What a node does beside the API (a network namespace made, a rule loaded) goes through a
//     [Recorder]: first to a journal on disk, then in batches to the API server. Both are bounded: what is lost while
//     the API server is away, or refuses, is told by a step of its own ([LossVerb]).
//
// Nobody is believed about themselves. The API server takes a component's name and host from its certificate, and the
// causes of a write from components only; it takes a step once, in an ID of the sender's own, with no field longer than
// [Check] allows, dated at most five minutes ahead of its own clock and at most 30 days behind it: a step may have waited.
//
// [Chain] answers the question "why": it follows the causes of an object's steps back to their roots,
// and forward to the rules that carry its traffic. [Now] makes it short enough to read.
//
// # What is simplified
//
// Real Kubernetes has nothing like this record. The nearest are audit logs (who wrote what, without
// why), Events (prose, best effort) and OpenTelemetry spans (which end at the API server, because a
// watch breaks the call chain). Steps expire after an hour, as Events do.
//
// Chapter 09 tells the story of the loop that this record makes visible.
package trace
