//go:build linux

// Command kube-shim watches over the containers of one pod; see package kubelab/kube/containers. It is a program of its own
// because every container starts by running it anew, and a small program starts fast.
package main

import "kubelab/kube/containers/shim"

func main() { shim.Main() }
