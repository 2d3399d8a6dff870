// Package volumes is files that outlive a container, or that several share: what a pod's volumes hold, and how they are made and removed.
//
// # The problem
//
// What a container writes goes with it: the next attempt begins with its image again. Two containers of a pod have two file systems, and cannot
// hand each other a file. And a program wants to read its settings, its passwords, its own name, where they can change while it runs: a
// variable of its environment cannot.
//
// # The idea
//
// A volume belongs to the pod, not to a container: it is there before the first container starts and as long as the pod is. It is a directory (or a
// file) of the node, and each container says where in its own file system it sees it, or a part of it.
//
//	emptyDir                                an empty directory, on the node's disk or in memory; it is removed with the pod
//	hostPath                                what the node has at a path; nobody removes it
//	configMap, secret, downwardAPI          files that the kubelet fills: one for each key, or for each field of the pod itself
//	projected                               several of these in one directory, and tokens by which the pod proves who it is
//
// [Plan] says what each volume is to be: the pod and the objects it names in, files out, or what is missing, in the words of upstream. It is asked again
// whenever one of the objects changes. [Mounts] says what a container sees where. [Directory] makes it so.
//
// # How a file changes while it is read
//
// Nobody may see half of a file, or a new file beside an old one. So the kubelet never writes into a file that is shown. It makes
// a new directory beside the one that is shown, fills it, and then turns a link, ..data, in one rename:
//
//	colour   ->  ..data/colour
//	..data   ->  ..2026_11_30_15_44_35.123456789
//
// At each moment one version is shown. A program that wants two files of one version looks up ..data once, reads both below what it found, and begins
// again if they are gone: former versions are removed at once.
//
// A container that mounts one file by subPath has mounted the file of that day, and never sees another.
//
// # What a container cannot do
//
// A container's root may write any file and link in an emptyDir, and rename what is there while the kubelet works in it. A subPath is therefore
// looked up once, by the kernel, which lets neither ".." nor a link lead out of the volume (openat2, RESOLVE_BENEATH), and what was found is mounted by its
// handle, not by a name that may meanwhile mean something else. And [RemoveTree] unmounts what is mounted below a pod's directory, and removes the rest: it follows no link and
// enters no other file system, so that nothing outside of that directory is ever removed. What holds secrets lies in memory. Before Linux 6.4 a kernel may
// swap it out, if the node has swap.
//
// # What is simplified
//
// Volumes that outlive the pod (claims, storage classes, CSI), and images as volumes, are not there yet; a pod that asks for one is refused. Upstream's kubelet
// has a manager that compares the volumes that are mounted with those that should be, every 100 ms, for all pods; here that is a part of the pod's own
// loop, and an object's change is what sets it off, so that a program sees it at once and not after a minute.
//
// Chapter 07 is about volumes.
package volumes
