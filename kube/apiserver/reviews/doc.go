// Package reviews are questions about access: who am I, what may I?
//
// # The problem
//
// A person wants to know what they may do before they try it: kubectl auth whoami, kubectl auth can-i. And a server that is not the API server
// wants to know whether somebody may do something there.
//
// # The idea
//
// Reviews are kinds of object that are answered and not stored. What a client creates comes back with the answer filled in, which is
// what its own request would be told.
//
// # What is simplified
//
// Whose a token is (TokenReview) the server itself says.
package reviews
