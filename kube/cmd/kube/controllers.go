//go:build linux

package main

import (
	"context"
	"net/netip"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/rest"

	"kubelab/kube/cluster"
	"kubelab/kube/component"
	"kubelab/kube/operator"
	"kubelab/kube/services"
)

// newControllersCommand makes `kube controllers`: the operators of the control plane, in one process. Of
// many such processes one works.
func newControllersCommand(declared component.Component) *cobra.Command {
	var pods netip.Prefix
	command := newLeaderCommand(declared, func(client *operator.Client) (cluster.Runner, error) {
		if err := rest.LoadTLSFiles(client.Config); err != nil {
			return nil, err
		}
		return controllers(client, cluster.Controlled{Pods: pods, Authority: client.Config.CAData})
	})
	command.Flags().TextVar(&pods, "cluster-cidr", cluster.DefaultPods, "the range of all nodes' pods")
	return command
}

// all is what runs together.
type all []cluster.Runner

// Run runs all until the context is done, or one of them fails.
func (a all) Run(ctx context.Context) error {
	loops, ctx := errgroup.WithContext(ctx)
	for _, one := range a {
		loops.Go(func() error { return one.Run(ctx) })
	}
	return loops.Wait()
}

// controllers makes the loops of all rooms. None of them knows of another.
func controllers(client *operator.Client, of cluster.Controlled) (cluster.Runner, error) {
	var loops all
	for _, room := range cluster.Rooms(services.DefaultRange) {
		if room.New == nil {
			continue
		}
		loop, err := room.New(client, of)
		if err != nil {
			return nil, err
		}
		loops = append(loops, loop)
	}
	return loops, nil
}
