// Package servicekind is what the API server knows of a Service and an EndpointSlice: defaults, what is refused and in which words, what
// kubectl shows, and which addresses and ports a service claims.
//
// An address that two services had would lead to one of them only. So the server gives them out, in the transaction that stores the
// service: [api.Taken] says what others have, and a claim is stored with its service or not at all. A service that goes gives back
// what it had.
//
// Kubernetes keeps IPAddress objects and a bitmap of node ports for this, and repairs both in loops.
package servicekind
