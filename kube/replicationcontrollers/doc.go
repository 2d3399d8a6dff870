// Package replicationcontrollers keeps a number of equal pods running, as Kubernetes did before there were ReplicaSets.
//
// # The problem
//
// Programs and manifests from the first years of Kubernetes ask for a ReplicationController. They shall go on.
//
// # The idea
//
// It wants what a ReplicaSet wants, in other words: its selector is a plain map of labels, and where it is left out,
// it is the labels of the template. So a ReplicationController is read as a ReplicaSet ([asReplicaSet]), that room's decision
// is carried out, and the status is told in the old words. There is nothing else to decide.
//
// Two habits are its own. Its selector may change. And who deletes one, without a word about the pods, leaves them behind: kubectl
// always says a word.
//
// # What is simplified
//
// Nothing: upstream does it the same way, by translation.
//
// Chapter 16 is about ReplicaSets.
package replicationcontrollers
