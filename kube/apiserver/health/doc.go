// Package health says how the API server is, and what it has done.
//
// # The problem
//
// Whoever starts a server wants to know when it can be used, whoever keeps one wants to know when it no longer can, and both want to be
// told before its clients find out.
//
// # The idea
//
// [Serve] answers yes or no to three questions: does it live, is it ready, is it healthy. [Metrics] count requests and how long they
// took, in the names that a real server has for it, so that boards and alerts that were made for those work.
//
// # What is simplified
//
// Two checks, and some ten metrics of upstream's hundreds.
package health
