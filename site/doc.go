// Package site serves the lab site: the book, the living picture of a cluster, and a terminal, in a browser.
//
// # The problem
//
// A page with a root terminal is worth attacking, and the attacker is any other page that is open in the same browser: it can
// send requests to every address that the browser reaches, this one included, and the browser adds the cookies.
//
// # The idea
//
// What comes in passes one guard ([Server] has no other door), which asks four things:
//
//   - Which name did the browser call us by? Only those of the loopback, and those that a person allowed. So a name whose
//     address was changed to ours (DNS rebinding) leads nowhere.
//   - Which page sent it? Whatever changes something, and every websocket, must come from a page of ours.
//   - Who is it? A token that is good for one use, from a file that only its owner reads, becomes a cookie.
//   - How often? Guesses, requests, connections and the length of messages are limited.
//
// A browser drops requests whenever a network card of its machine comes or goes, and a cluster makes many. So a page sends a change
// again, by the same key, and what comes twice is done once; it goes on when the connection that it came by is gone.
//
// What is shown comes from a [Source]: the history of a cluster that lives, or a recording. What a recording cannot have
// (terminal, faults, labs) is nil in [Config], and the pages leave it out.
//
// docs/site.md says how it is used, docs/security.md what it defends against, and what it does not.
package site
