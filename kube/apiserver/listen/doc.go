// Package listen is the door of the API server: who may connect, and how many.
//
// # The problem
//
// Anybody who reaches the port can connect. A connection costs the server more than its client.
//
// # The idea
//
// Clients show certificates, over TLS. Whoever shows none, a guest, may only ask how the server is, and guests are counted: by address
// and in all, so that they do not use up what the others need. Each connection has an end (package deadlines), and what streams is ended when
// the server ends.
//
// # What is simplified
//
// Only certificates say who somebody is: no tokens, no proxy that speaks for others.
//
// Chapter 08 is about the API server.
package listen
