// Package streams hands a request on to the server that can answer it, for as long as the answer lasts.
//
// # The problem
//
// The API server knows nothing of a container's output or of a terminal in it: the kubelet of the pod's node does. And clients speak
// newer protocols than container runtimes do, for the old one, SPDY, no longer gets through proxies.
//
// # The idea
//
// [Pass] is told by whom a request is answered, an [api.Target]. A log is copied as it comes. A session (exec, attach, port-forward) that
// comes over a websocket (KEP-4006) is ended here and goes on in SPDY, which every runtime understands; one in SPDY is passed through. A
// session that breaks off is told from one that ended well.
//
// # What is simplified
//
// Nothing is kept open between requests.
//
// Chapter 08 is about the API server.
package streams
