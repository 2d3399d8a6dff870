// Package apiserver is the one door to the store: every program of the cluster, and every person, reads
// and writes objects through it and nothing else.
//
// # The problem
//
// Nine programs and any number of people work on the same objects. Somebody has to check what they
// write, keep them from overwriting each other, and tell each of them what the others did.
//
// # The idea
//
// A REST server over a list of [api.Kind] and a [store.Store]. It decides nothing: it makes no pod
// run and no service answer. What it does for each write is always the same:
//
//	who are you → may you → options → decode → default → admit → validate → store, with the reason → answer
//
// and for each read: take it from the cache, pick what the selectors ask for, show it in the form that
// was asked for (JSON, protobuf, a table). A watch is a read that does not end.
//
// # Where to find what
//
//   - server.go, call.go: from a request to what it asks for; options.go: how it is to be carried out
//   - create.go, update.go, patch.go, delete.go: the writes; commit.go: object, claims and step in one transaction,
//     tried again for as long as another write comes in between; a dry run is decided there, and nowhere else
//   - list.go, watch.go, selectors.go, table.go: the reads
//   - discovery.go, openapi.go: how a client learns what there is
//   - subresources.go, connect.go: status, scale, binding; logs and exec, which a kubelet answers (where it is, plan_kubelet.go)
//   - relations.go: what a node has to do with an object; reviews.go: who am I, what may I
//   - listen.go, guests.go: for whom, and for how long, a connection is kept; metrics.go: what the server counts
//   - steps.go: the causal record; change.go: what a step's write did to its object, at /kubelab/steps/ID/change
//
// # What is simplified
//
// One version of each kind, so no conversion; no webhooks, quotas, priority and fairness, audit log or
// aggregated servers; fields' managers are kept for people and not for the cluster's own components.
//
// Chapter 08 is about this server.
package apiserver
