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
// run and no service answer. What it does for each write is always the same, and stands in pipeline.go:
//
//	parse → authenticate → authorize → options → decode → admit → decide → validate → commit, with the reason → answer
//
// and for each read: take it from the cache, pick what the selectors ask for, show it in the form that
// was asked for. A watch is a read that does not end.
//
// What becomes of an object when somebody creates, updates or deletes it is a pure function, [Plan]. If another write comes between
// the reading of an object and its writing, it is planned again by what there is then.
//
// # Where to find what
//
//   - pipeline.go: a request from the wire to the answer; call.go, authorize.go: what it asks for, who asks, and whether they may
//   - intents.go, admission.go, plan.go, commit.go: what a write wants, whether it is fit, what it comes to, and how object, claims
//     and step become one transaction; a dry run is decided there, and nowhere else
//   - list.go, watch.go: the reads; objects.go: where objects lie, and how they are found
//   - subresources.go: scale, and what a kind has declared to be done with its objects
//   - steps.go: the causal record; change.go: what a step's write did to its object, at /kubelab/steps/ID/change
//   - server.go, first.go: what a server is made of, and the objects that it makes itself; registry.go: the kinds that are served, which
//     may change while the server serves
//
// What clients send and get, and what they may ask besides, is beside this room, each in a package of its own: listen (the door), request
// (bodies, options, selectors), answer (views, tables, lists, events, errors), apply (patches, and who manages which field), discovery
// (what there is), streams (what another server answers), reviews (who am I, what may I), health, bootstrap.
//
// # What is simplified
//
// One version of each kind, so no conversion; no webhooks, quotas, priority and fairness, audit log or
// aggregated servers; fields' managers are kept for people and not for the cluster's own components.
//
// Chapter 08 is about this server.
package apiserver
