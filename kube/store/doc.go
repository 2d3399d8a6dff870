// Package store keeps the cluster's objects, in etcd.
//
// # The problem
//
// Many programs write the same objects at once, any of them may die halfway, and many more want to hear
// of every change, once, in order.
//
// # The idea
//
// etcd is a map of keys to values with one counter over all of it, the revision: every transaction
// adds one to it, and every record carries the revision of its last change.
//
//   - Optimistic concurrency: nobody locks. A writer says which revision it read ([Change].Expect); if
//     somebody was faster, the whole transaction is refused ([ErrConflict]) and the writer reads
//     again.
//   - One transaction holds everything that belongs together: the object, the claims on what must be
//     its alone (an address, a port), and the step that says why it was written.
//   - Watching: give me everything after revision N. etcd still knows the recent past, so a watcher
//     that was away loses nothing.
//
// A [Store] does the reading and writing. A [Cache] follows all of etcd with a single watch, holds
// every object in memory, decoded once, and feeds any number of watchers from there. It names a revision
// only when it holds everything up to it, and it goes on where it was after a break. When it begins, it also reads the
// recent past, so that the watchers of the cache before it (an API server that was restarted) go on where they were.
//
// What only ever grows and expires (the causal record) is kept apart from the objects, in a [Log]: it takes no room
// in the history that watchers need, and is not looked at again when it expires. etcd deletes what expires in many small
// transactions, for each of them holds up everybody.
//
// A step has a key of its own and does not lie in the value of its object, though that would save etcd a seventh of its work for
// a write: of an object that has changed again, the step would only be in etcd's past. To read that is to watch from there; etcd
// then reads all that is left of it for each thousand events, and lets nobody write meanwhile. Keys are read at once.
//
// # What is simplified
//
// Real Kubernetes runs one watch and one cache per resource, and keeps a B-tree of snapshots to answer
// lists at older revisions. Here one watch follows everything, which gives one order over all
// resources, and lists at an older revision go to etcd. The past of each resource is bounded in events, that of all in bytes: a
// watcher that comes from before it must list again.
//
// Chapter 08 follows one object into the store and out again.
package store
