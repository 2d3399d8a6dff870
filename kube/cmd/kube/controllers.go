//go:build linux

package main

import (
	"context"
	"net/netip"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/rest"

	"kubelab/kube/deployments"
	"kubelab/kube/garbage"
	"kubelab/kube/nodes"
	"kubelab/kube/operator"
	"kubelab/kube/replicasets"
	"kubelab/kube/serviceaccounts"
	"kubelab/kube/services"
)

// runner is anything that works until its context is done: a loop, or a few of them that belong together.
type runner interface {
	Run(ctx context.Context) error
}

// newControllersCommand makes `kube controllers`: the operators of the control plane, in one process. Of
// many such processes one works.
func newControllersCommand() *cobra.Command {
	var pods netip.Prefix
	var command *cobra.Command
	command = newClientCommand("controllers", "The operators: deployments, replica sets, endpoints, nodes, garbage", "host",
		func(ctx context.Context, client *operator.Client) error {
			all, err := operators(client, pods)
			if err != nil {
				return err
			}
			client.Watches.StartWithContext(ctx) // so that whoever stands by knows what it needs to know
			return client.Lead(ctx, "controllers", command.Flag("host").Value.String(), func(ctx context.Context) error {
				if err := client.Sync(ctx); err != nil {
					return err
				}
				loops, ctx := errgroup.WithContext(ctx)
				for _, one := range all {
					loops.Go(func() error { return one.Run(ctx) })
				}
				return loops.Wait()
			})
		})
	command.Flags().TextVar(&pods, "cluster-cidr", netip.MustParsePrefix("10.244.0.0/16"), "the range of all nodes' pods")
	return command
}

// operators makes all operators. None of them knows of another.
func operators(client *operator.Client, pods netip.Prefix) ([]runner, error) {
	var all []runner
	for _, make := range []func(*operator.Client) (*operator.Loop, error){deployments.New, replicasets.New, services.New} {
		loop, err := make(client)
		if err != nil {
			return nil, err
		}
		all = append(all, loop)
	}
	lifecycle, err := nodes.New(client, pods)
	if err != nil {
		return nil, err
	}
	collector, err := garbage.New(client)
	if err != nil {
		return nil, err
	}
	if err := rest.LoadTLSFiles(client.Config); err != nil {
		return nil, err
	}
	accounts, err := serviceaccounts.New(client, client.Config.CAData)
	if err != nil {
		return nil, err
	}
	return append(all, lifecycle, collector, accounts), nil
}
