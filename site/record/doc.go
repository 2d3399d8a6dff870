// Package record holds what the lab site shows: the frames in which a cluster's life arrives, the history that
// a browser can scrub through, and the file in which a run is kept.
//
// # The problem
//
// A picture of a cluster's state says what is, not how it came to be. A film does, if every picture in it names what
// caused it, and if one can stop it, go back, and look again, without the cluster.
//
// # The idea
//
// A [Frame] is one thing that happened: a step of the causal record, an object as it is from now on, an object that
// went, or a fact that only a host knows. A [Snapshot] is the sum of all frames up to a moment. So the state at any
// time is a snapshot and the frames after it, and live site and recording are the same stream with another source.
//
// The step that wrote an object has the ID "r" and the revision that it wrote ([trace.Wrote]), so a frame of an object
// names its cause, and the change that a step made is the difference between two frames of one object.
//
// Frames stand in the order of what happened, not of who was heard first: [Order] holds everything for a fifth of a
// second, puts each frame at its own time, lets no step pass before its causes, and nothing between a write and its object.
package record
