// Package tokens is how a program proves who it is by what it holds: a word of the cluster's about an account, signed.
//
// # The problem
//
// A program in a pod is to talk to the API server as an account of its namespace. It has no certificate, and the key of one would have to be
// made, handed over and taken back. And what proves who it is must be worth nothing as soon as the pod is gone.
//
// # The idea
//
// The API server writes down who the holder is (account, pod, each with its UID), for whom the word is meant (the audience), and until when it is
// good, and signs it: a JSON Web Token (RFC 7519). Nobody keeps a list of tokens. Whoever has the public key can see that the word is the
// cluster's; the API server also looks whether the account and the pod are still those that it was given for. The kubelet asks for the token of
// a pod that runs on its node, shows it to the program as a file, and asks for another at four fifths of its life.
//
// # What is simplified
//
// There is one key, and one issuer. Upstream knows several keys, so that one can be replaced; publishes them for others (OpenID Connect
// discovery); binds tokens to Secrets and nodes too; and lets the usual tokens live for a year, for clients that never read theirs again.
package tokens
