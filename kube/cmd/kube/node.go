//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/resource"

	"kubelab/kube/cluster"
)

func newNodeCommand() *cobra.Command {
	var name string
	command := &cobra.Command{Use: "node", Short: "List, add, switch off and cut off the hosts of a cluster"}
	cluster.Flags(command.PersistentFlags(), &name, nil)
	command.PersistentPreRun = warnUnsupervised(&name)
	command.AddCommand(&cobra.Command{
		Use: "list", Short: "List the hosts", Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error { return listHosts(command.OutOrStdout(), name) },
	}, newNodeAddCommand(&name), newNodeExecCommand(&name))
	for _, verb := range []struct {
		name, short, done string
		do                func(ctx context.Context, cluster, host string) error
	}{
		{"kill", "Cut a host's power: everything on it dies at once", "is without power", cluster.Kill},
		{"start", "Switch a host on again", "is on", cluster.Start},
		{"cut", "Pull a host's network cable: it runs on, alone", "is cut off", cluster.Cut},
		{"mend", "Plug a host's network cable in again", "is connected", cluster.Mend},
	} {
		command.AddCommand(&cobra.Command{
			Use: verb.name + " HOST", Short: verb.short, Args: cobra.ExactArgs(1),
			RunE: func(command *cobra.Command, args []string) error {
				err := verb.do(command.Context(), name, args[0])
				if err == nil {
					_, err = fmt.Fprintf(command.OutOrStdout(), "%s %s\n", args[0], verb.done)
				}
				return err
			},
		})
	}
	return command
}

func newNodeAddCommand(name *string) *cobra.Command {
	var options upOptions
	command := &cobra.Command{
		Use: "add", Short: "Add a node and start it", Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if err := options.complete(); err != nil {
				return err
			}
			host, err := cluster.Add(command.Context(), *name, options.CPU, options.Memory)
			if err == nil {
				_, err = fmt.Fprintf(command.OutOrStdout(), "%s started at %s\n", host.Name, host.Address)
			}
			return err
		},
	}
	command.Flags().IntVar(&options.CPU, "cpu", 0, "how many cores it may use (default: as many as the machine has)")
	command.Flags().StringVar(&options.memory, "memory", "", "how much memory it may use, as in 4Gi (default: half of the machine's)")
	return command
}

func listHosts(out io.Writer, name string) error {
	_, hosts, err := cluster.List(name)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "HOST\tROLE\tADDRESS\tCPU\tMEMORY\tSTATE\tPID")
	for _, host := range hosts {
		state := "starting"
		if host.Running {
			state = "running"
		} else if host.Stopped {
			state = "off"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", host.Name, host.Role, host.Address,
			orDash(host.CPU > 0, host.CPU), orDash(host.Memory > 0, mebibytes(host.Memory)), state, orDash(host.Running, host.PID))
	}
	return table.Flush()
}

func mebibytes(bytes int64) string {
	return resource.NewQuantity(bytes>>20<<20, resource.BinarySI).String()
}

func orDash(known bool, value any) string {
	if !known {
		return "-"
	}
	return fmt.Sprint(value)
}
