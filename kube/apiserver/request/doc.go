// Package request is what clients of the API server send: a body, options, selectors.
//
// # The problem
//
// A client may be of any age and written in any language, and it may be hostile. What it says must be understood in each form in which
// it can be said, what is not understood must be refused before anything is done, and a few bytes must not become gigabytes.
//
// # The idea
//
// Bodies are decoded strictly, within bounds ([ReadBody], [Decode]). Options are decoded and checked once, before anything else
// ([Read]): one that the server does not know is refused, because what it was to prevent might be a loss. Nothing here knows what a
// request leads to.
//
// # What is simplified
//
// Any field of a kind can be selected by; upstream has a short list for each.
//
// Chapter 08 is about the API server.
package request
