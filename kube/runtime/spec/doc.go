// Package spec turns what a caller asks for in the words of CRI into what the containers room makes: which command with which variables,
// as whom, with which limits and mounts, in which file system. What this runtime cannot do is refused by the name of the field,
// since a container that lacks it would look like one that has it.
//
// A kubelet comes the other way round, from the pod to CRI, in package pods/cri.
package spec
