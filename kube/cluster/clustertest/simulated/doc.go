// Package simulated lets nodes join a real cluster that are not there: nodes that only report.
//
// A test of many pods needs nodes to bind them to, and a machine has room for few real ones. A simulated node is an
// object of the API like any other: the controllers give it its range of pod addresses and watch its lease, the
// scheduler binds pods to it, and it is a client with a certificate of its own, which may do what a kubelet may. What
// it says of itself and of its pods comes from the kubelet's own plans (kubelet.PlanStatus, pods.Plan). Only the hands
// are missing: what these plans ask for, it notes as done. No process starts, no image is pulled, and no packet reaches
// its pods. It sends no events, and it serves neither logs nor shells. It has no taint: pods are kept off it, or brought
// to it, by its label ([Label]).
package simulated
