// Package scheduler decides on which node a pod runs.
//
// # The problem
//
// A new pod belongs to no node. Somebody must choose one that can take it (enough CPU, the right kind of disk, no taint that
// keeps it out), and of those a good one: not the fullest, not the one where its siblings run already. And everybody who waits for
// a pod that cannot be placed wants to know why.
//
// # The idea
//
// For each pod, in three steps ([Plan]):
//
//  1. Filter: every rule looks at every node and says why not, if not.
//  2. Score: every rule gives each node that is left 0 to 100 points; a weighted sum ranks them.
//  3. Bind: write the best node's name into the pod, through the subresource binding. That node's kubelet sees it and starts it.
//
// The plan keeps a [Verdict] for each node. If no node fits, the verdicts add up to the sentence that
// kubectl describe shows: "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint …".
//
// A rule never looks at one node alone when the question is about others: pod affinity, anti-affinity and topology spread first
// count the pods of each domain (zone, rack, host), then look up the node's.
//
// # Deciding faster than the watch
//
// The scheduler decides on the next pod before the watch shows the last one on its node. So it *assumes*: the pod counts
// on the chosen node from the moment of the decision. If the bind fails, that is taken back. Decisions are made one after
// another; binds are written many at once.
//
// The sums per node ([Node]) are kept up to date with each event rather than added up for each pod. That is what makes a decision
// among a thousand nodes take a tenth of a millisecond.
//
// # Waiting without polling
//
// A pod that fits nowhere waits for an event that could help: a node that is new or changed, a pod that
// went. Who waits is woken in the order of priority, and only if the node in question can take it now.
//
// # What is simplified
//
// No preemption: a pod of high priority goes first, but no other is evicted for it. Upstream stops to look for nodes when it has
// found enough, in large clusters; here all are looked at. Left out: image locality, volumes' topology, scheduling gates,
// profiles and extenders, preferred terms of the pods that run already, matchLabelKeys of affinity terms. A
// pod that names its node itself never comes here.
//
// Chapter 10 is about the scheduler.
package scheduler
