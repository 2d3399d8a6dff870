// Package apply makes the object that a patch asks for out of the one that there is.
//
// # The problem
//
// Many write one object at a time: a person its replicas, an autoscaler its replicas too, a kubelet its status. Who sends the whole
// object takes back what the others have just done.
//
// # The idea
//
// A client sends only what it cares about. A [Patch] says it as operations (JSON patch), as the parts that change (merge patch), or as
// these with lists that are merged by a key (strategic merge patch). Server-side apply (KEP-555) goes further: an [Intent] is all that
// one manager wants of an object, and the server remembers in managedFields who cares about which field ([Managers]). Two that want
// different things of one field are a conflict, and not a silent overwrite. The merging itself is a library's
// (structured-merge-diff).
//
// # What is simplified
//
// The fields of the cluster's own components are not managed: nobody competes with them.
//
// Chapter 08 is about the API server.
package apply
