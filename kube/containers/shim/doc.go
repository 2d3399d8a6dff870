//go:build linux

// Package shim is the process that watches over one pod: it makes the pod's containers and is their parent.
package shim
