//go:build linux

package main

import (
	"context"

	"github.com/spf13/cobra"

	"kubelab/kube/operator"
	"kubelab/kube/scheduler"
)

// newSchedulerCommand makes `kube scheduler`, which finds a node for each pod. Of several copies one works.
func newSchedulerCommand() *cobra.Command {
	var command *cobra.Command
	command = newClientCommand("scheduler", "Find a node for each pod", "host", func(ctx context.Context, client *operator.Client) error {
		loop, err := scheduler.New(client)
		if err != nil {
			return err
		}
		client.Watches.StartWithContext(ctx) // so that whoever stands by knows what it needs to know
		return client.Lead(ctx, "kube-scheduler", command.Flag("host").Value.String(), func(ctx context.Context) error {
			if err := client.Sync(ctx); err != nil {
				return err
			}
			return loop.Run(ctx)
		})
	})
	return command
}
