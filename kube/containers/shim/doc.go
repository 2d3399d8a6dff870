//go:build linux

// Package shim is the process that watches over one pod; package containers above tells why there is one.
//
// A reader may go by what happens to a container: create.go (root file system, and what libcontainer is told), user.go
// and host.go (what must be looked up for that), stdio.go (where its output goes, see package streams), life.go (start, exit,
// signals, removal), pause.go (process 1 where all share theirs), exec.go and attach.go (how clients join in). server.go answers requests,
// follow.go tells of exits.
//
// It is the only package that imports libcontainer. That brings C code which runs before main (to enter namespaces a
// process must still have a single thread, and a Go program never has), so it stays out of every other program.
//
// Memory counts: there is a shim for each pod. An idle one costs 2 to 3 MiB, of which half is Go's own.
package shim
