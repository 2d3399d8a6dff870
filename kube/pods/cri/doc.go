// Package cri is how a pod is told to a container runtime: what stands in a pod's spec, in the words of the CRI.
//
// A runtime knows no pods, no ConfigMaps and no classes of pods. So everything is worked out before: which variables a container gets and with which
// values, what its cgroup may use, as whom it runs, how names are looked up in it, where its log and its own files lie. All of it is a
// function of the spec, the node and what the spec names, and says the same when it is asked again.
//
// What is asked of a runtime, and when, is decided in package pods. The labels and annotations by which a kubelet finds its pods again in a runtime
// are here too.
package cri
