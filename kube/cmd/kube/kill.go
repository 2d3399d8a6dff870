//go:build linux

package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"kubelab/kube/cluster"
)

func newKillCommand() *cobra.Command {
	var name string
	command := &cobra.Command{
		Use: "kill COMPONENT[@HOST]", Short: "Kill a component of the cluster, as kill -9 does: it comes back", Args: cobra.ExactArgs(1),
		Example: `  kube kill etcd
  kube kill kubelet@node-2`,
		RunE: func(command *cobra.Command, args []string) error {
			component, host, _ := strings.Cut(args[0], "@")
			killed, err := cluster.KillComponent(command.Context(), name, component, host)
			for _, victim := range killed {
				fmt.Fprintf(command.OutOrStdout(), "%s killed (pid %d)\n", victim, victim.PID)
			}
			return err
		},
	}
	clusterFlags(command.Flags(), &name, nil)
	command.PersistentPreRun = warnUnsupervised(&name)
	return command
}
