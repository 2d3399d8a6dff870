// Package observed is what a container runtime has, as a kubelet knows it: by pod, each record with the steps that made it what it is.
//
// # The problem
//
// To ask the runtime in every turn of a loop costs two lists and a status for each container, of every pod, every time. But what a
// runtime tells by itself cannot be trusted to be all: a stream of events breaks, skips, repeats; a list overlaps with both.
//
// # The idea
//
// Every record has a life that only goes forward, so what comes late, or twice, changes nothing. What has gone is remembered as
// gone until no list from before can still be on its way. And what a list lacks goes only if nothing was told of it since the list was
// asked for. So events and lists may come in any order, and the end is the same: [Pods] knows what there is.
//
// # What is simplified
//
// Upstream's kubelet lists everything once a second unless its evented PLEG is on, which is off by default.
package observed
