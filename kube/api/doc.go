// Package api says what an object is.
//
// # The problem
//
// Pods, services and config maps are very different things, yet one server keeps them all, and one
// client lists, edits, labels and deletes them all. How can a program treat things alike that it knows nothing
// about?
//
// # The idea
//
// Every object has the same outside: a kind and version, a name that is unique for its kind in its namespace,
// labels, a resourceVersion, a spec (what is wanted) and a status (what is there). All that
// the server needs to know beyond that, it reads from a declaration: [Type], which becomes a [Kind].
// A plain kind is declared in a few lines; a kind with rules of its own adds
// functions, each with one question: what is the default? what is wrong with it? what does kubectl
// show of it?
//
// This package holds the declaration, the kinds that have no behaviour of their own (ConfigMap,
// Secret, Event, Lease), and the pod template that many kinds contain. Every other
// kind lives in the room of its concept.
//
// # What is simplified
//
// Real Kubernetes converts between versions of a kind (v1beta1, v1) and stores an internal one; here a
// kind has one version, which is also what is stored. Its defaulting and validation code is generated
// for tens of thousands of lines; here it is written by hand for what this cluster can do, and a field that
// it cannot do is refused rather than ignored.
//
// Chapter 08 is about objects.
package api
