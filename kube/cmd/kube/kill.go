//go:build linux

package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"kubelab/kube/access"
	"kubelab/kube/cluster"
)

func newKillCommand() *cobra.Command {
	var name string
	command := &cobra.Command{
		Use: "kill COMPONENT[@HOST]", Short: "Kill a component of the cluster, as kill -9 does: it comes back", Args: cobra.ExactArgs(1),
		Example: `  kube kill etcd
  kube kill kubelet@node-2
  kube kill container default/web-1/app`,
		RunE: func(command *cobra.Command, args []string) error {
			component, host, _ := strings.Cut(args[0], "@")
			killed, err := cluster.KillComponent(command.Context(), name, component, host)
			for _, victim := range killed {
				fmt.Fprintf(command.OutOrStdout(), "%s killed (pid %d)\n", victim, victim.PID)
			}
			return err
		},
	}
	cluster.Flags(command.PersistentFlags(), &name, nil)
	command.PersistentPreRun = warnUnsupervised(&name)
	command.AddCommand(&cobra.Command{
		Use: "container NAMESPACE/POD/CONTAINER", Short: "Kill a container from outside, as if its program had crashed", Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			spec, _, err := cluster.List(name)
			if err != nil {
				return err
			}
			client, _, err := access.Connect(spec.Kubeconfig())
			if err != nil {
				return err
			}
			return cluster.KillContainer(command.Context(), client, name, args[0])
		},
	})
	return command
}
