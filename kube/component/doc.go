// Package component is what a part of the cluster says of itself, in one place: its name, who it is, what it may do, which
// loops turn in it, where it runs and with which flags.
//
// # The problem
//
// A part of a cluster is known in many places: the supervisor starts it, the authority makes it a certificate, the API server
// lets it do its work and nothing else, step mode holds its loops, a person kills it by its name. Where each of these keeps a
// list of its own, a new part is added to most of them.
//
// # The idea
//
// A part is declared once, as data, beside the code that does its work: a [Component] for a program, a [Loop] for one loop of a
// program that has many. Everything else follows from the list of all. Rights stand with the loop that needs them, in the order
// of its code, so that whoever changes a loop sees what it may do; a program may do what its loops may.
//
// # What is simplified
//
// Real Kubernetes has no such list. A program's rights are ClusterRoles that the API server makes at its first start, its
// certificate is made by kubeadm, its flags stand in a manifest that the kubelet reads.
//
// Chapter 24 is about rights.
package component
