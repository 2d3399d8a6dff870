//go:build linux

// Command kube-pause is process 1 of a pod whose containers share their processes; see package kubelab/kube/containers. It runs in a root
// file system with nothing else in it, so it needs no library: none of its packages uses C, and Go links it statically.
package main

import (
	"os"
	"os/signal"
	"syscall"
)

// A process whose parent has ended becomes a child of process 1. When that ignores SIGCHLD the kernel keeps no zombies for it, so there is
// nothing to wait for but a signal to end, at which all other processes of the namespace end too.
func main() {
	signal.Ignore()
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGINT, syscall.SIGTERM)
	<-end
}
