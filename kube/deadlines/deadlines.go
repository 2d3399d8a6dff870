// Package deadlines gives each connection of an HTTP server an end.
//
// # The problem
//
// A connection costs its server a socket and a goroutine, and its client next to nothing. Who opens many and then says nothing, or one
// byte a minute, or asks and does not read the answers, holds them for ever: without a deadline the server waits as long as the
// client lives.
//
// # The idea
//
// Each thing that a server waits for has its term: the handshake and the head of a request, a whole request with its answer, the
// next request. What is meant to last (a watch, a log that is followed, a shell) is let off with [Lift], and not before it is known that
// the client may have it.
package deadlines

import (
	"net/http"
	"time"
)

// Terms are how long the client of a connection may take.
type Terms struct {
	Head    time.Duration // for the TLS handshake, and then for the head of a request
	Request time.Duration // for a request from its head's first byte to its answer's last
	Idle    time.Duration // until the next request
}

// Usual are the terms of kubelab's servers. A request has more time than the minute in which the API server answers it.
var Usual = Terms{Head: 10 * time.Second, Request: 70 * time.Second, Idle: 90 * time.Second}

// Server is a server with these terms. A connection that becomes something else (is hijacked) has none any more.
func (t Terms) Server(handler http.Handler) *http.Server {
	return &http.Server{
		Handler: handler, ReadHeaderTimeout: t.Head, ReadTimeout: t.Request, WriteTimeout: t.Request, IdleTimeout: t.Idle,
		HTTP2: &http.HTTP2Config{SendPingTimeout: t.Request, PingTimeout: t.Head, WriteByteTimeout: t.Request},
	}
}

// Lift takes the term off a request whose answer is meant to last. A client that is gone without a word is noticed all the
// same: by the keep-alive probes of TCP, by the pings of HTTP/2.
func Lift(w http.ResponseWriter) {
	control := http.NewResponseController(w)
	_, _ = control.SetReadDeadline(time.Time{}), control.SetWriteDeadline(time.Time{}) // a writer that cannot has no deadline
}
