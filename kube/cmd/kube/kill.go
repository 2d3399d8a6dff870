//go:build linux

package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

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
	clusterFlags(command.PersistentFlags(), &name, nil)
	command.PersistentPreRun = warnUnsupervised(&name)
	command.AddCommand(&cobra.Command{
		Use: "container NAMESPACE/POD/CONTAINER", Short: "Kill a container from outside, as if its program had crashed", Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			spec, _, err := cluster.List(name)
			if err != nil {
				return err
			}
			client, _, err := connect(spec.Kubeconfig())
			if err != nil {
				return err
			}
			return killContainer(command.Context(), client, name, args[0])
		},
	})
	return command
}

// killContainer kills NAMESPACE/POD/CONTAINER.
func killContainer(ctx context.Context, client kubernetes.Interface, name, target string) error {
	parts := strings.Split(target, "/")
	if len(parts) != 3 {
		return fmt.Errorf("%q names no container: write NAMESPACE/POD/CONTAINER", target)
	}
	pod, err := client.CoreV1().Pods(parts[0]).Get(ctx, parts[1], metav1.GetOptions{})
	if err != nil {
		return err
	}
	return cluster.KillContainer(ctx, name, pod, parts[2])
}
