//go:build linux

package main

import (
	"context"

	"github.com/spf13/cobra"

	"kubelab/kube/cluster"
)

// newHostCommand is the first process of a host. It is started by `kube up`, never by a person.
func newHostCommand() *cobra.Command {
	var dataDir, name string
	command := newComponentCommand("host", "Be the first process of a host", func(ctx context.Context) error {
		return cluster.RunHost(ctx, dataDir, name)
	})
	command.Hidden = true
	command.Flags().StringVar(&dataDir, "data-dir", "", "the cluster's directory")
	command.Flags().StringVar(&name, "name", "", "the host's name")
	return command
}

// newForwardCommand leads the machine's loopback to the API servers. It too is started by `kube up`.
func newForwardCommand() *cobra.Command {
	var name, listen string
	command := newComponentCommand("forward", "Lead the machine's loopback to the API servers of a cluster", func(ctx context.Context) error {
		return cluster.Forward(ctx, name, listen)
	})
	command.Hidden = true
	cluster.Flags(command.Flags(), &name, nil)
	command.Flags().StringVar(&listen, "listen", "127.0.0.1:6443", "the address to listen at")
	return command
}
