//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	"sigs.k8s.io/knftables"

	"kubelab/kube/component"
	"kubelab/kube/operator"
	"kubelab/kube/services"
)

// newProxyCommand makes `kube proxy`, which runs in its node's network namespace.
func newProxyCommand(declared component.Component) *cobra.Command {
	var ranges services.Ranges
	var command *cobra.Command
	command = newClientCommand(declared,
		func(ctx context.Context, client *operator.Client) error {
			node := command.Flag("node-name").Value.String()
			nft, err := knftables.New(knftables.IPv4Family, services.TableName)
			if err != nil {
				return fmt.Errorf("use nftables (is the program nft installed? is this root?): %w", err)
			}
			proxy, err := services.NewProxy(client, nft, node, ranges)
			if err != nil {
				return err
			}
			routes, err := newRoutes(client, node)
			if err != nil {
				return err
			}
			if err := client.Sync(ctx); err != nil {
				return err
			}
			var work errgroup.Group
			work.Go(func() error { return proxy.Run(ctx) })
			work.Go(func() error { return routes.Run(ctx) })
			return errors.Join(work.Wait(), context.Cause(ctx))
		})
	command.Flags().TextVar(&ranges.Pods, "cluster-cidr", netip.MustParsePrefix("10.244.0.0/16"), "the range of all nodes' pods")
	command.Flags().TextVar(&ranges.Services, "service-cidr", services.DefaultRange, "the addresses of services")
	return command
}
