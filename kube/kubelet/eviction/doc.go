// Package eviction has a pod leave its node that takes more of the disk than it said it would.
//
// # The problem
//
// An emptyDir on the disk is a directory among others: no wall keeps a program from filling the node's disk with it, and then all pods of the node suffer.
// An emptyDir in memory is a file system of its own, which has a size.
//
// # The idea
//
// Whoever makes an emptyDir may say how large it is to become (sizeLimit). The node measures it now and then, by [Plan] it is decided whether that was
// exceeded, and a pod that did so is ended: its phase is Failed, its reason Evicted. Nothing of it is tried again here. What wants a number of pods makes
// another one, maybe elsewhere.
//
// # What is simplified
//
// Upstream's kubelet also evicts where the node as a whole runs short of memory, disk or process numbers, the pods first that use the most beyond what
// they asked for, and measures what containers write beside their volumes (ephemeral-storage). Here only the limit of a volume counts. As upstream, it is
// measured by walking the directory: what grows in between is seen a moment later.
package eviction
