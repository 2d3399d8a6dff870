// Package answer is how the API server's answers look: one state of an object in many forms.
//
// # The problem
//
// A controller wants objects as JSON or protobuf, kubectl get wants the rows of a table, a garbage collector only wants to know who
// owns what, and all of them want the list, the single object and the stream of changes in that form. And whatever goes wrong, a
// program must be able to tell from the answer what it was.
//
// # The idea
//
// A [View] is what a client's Accept header asks for. It knows how an object, a list and a stream of events look in it, and nothing of
// where they come from. An [Object] is encoded once, however many clients read it. Every error becomes a Status, with a reason that
// programs understand.
//
// # What is simplified
//
// No CBOR, and no compression.
//
// Chapter 08 is about the API server.
package answer
