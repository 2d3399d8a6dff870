// Package discovery tells clients what a server has: which kinds, what can be done with them, what each of their fields means.
//
// # The problem
//
// kubectl was compiled before many a kind existed. It can still list, explain, check and merge objects of that kind, because it asks
// the server.
//
// # The idea
//
// All of it follows from the declarations of the kinds, [api.Kind], and from their Go types. Discovery says what there is, either all at
// once (aggregated, KEP-3352) or piece by piece; OpenAPI describes types and paths, in version 3 one document per group, in version 2
// one of everything. [Documents] are those of one list of kinds; another list has others.
//
// # What is simplified
//
// One version of each group, so there is nothing to prefer.
//
// Chapter 08 is about the API server.
package discovery
