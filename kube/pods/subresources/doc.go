// Package subresources is what can be done with a pod beside writing it: bind it to a node, ask it to leave, look at its logs, go into it.
//
// # The problem
//
// These are no fields. A scheduler may put a pod on a node and may write nothing else of it; an eviction is a delete that may be
// refused; a log is with the kubelet of the pod's node.
//
// # The idea
//
// Each is declared as an [api.Subresource], which the API server carries out without knowing what a pod is: an edit, a delete, or
// another server that answers.
//
// # What is simplified
//
// No proxy, no resize; no disruption budget refuses an eviction yet.
//
// Chapter 10 tells of the binding.
package subresources
