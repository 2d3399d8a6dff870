//go:build linux

package main

import (
	"github.com/spf13/cobra"

	"kubelab/kube/cluster"
	"kubelab/kube/component"
	"kubelab/kube/operator"
	"kubelab/kube/scheduler"
)

// newSchedulerCommand makes `kube scheduler`, which finds a node for each pod. Of several copies one works.
func newSchedulerCommand(declared component.Component) *cobra.Command {
	return newLeaderCommand(declared, func(client *operator.Client) (cluster.Runner, error) { return scheduler.New(client) })
}
