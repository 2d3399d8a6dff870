//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"kubelab/kube/cluster"
)

// newNodeExecCommand runs a command as if one were logged in on a host: with its network, files, name and processes.
func newNodeExecCommand(name *string) *cobra.Command {
	return &cobra.Command{
		Use: "exec HOST -- COMMAND [ARGUMENT...]", Short: "Run a command on a host: with its network, its files and its processes",
		Example: "  kube node exec node-1 -- ip route\n  kube node exec node-1 -- nft list table ip kubelab-services",
		Args:    cobra.MinimumNArgs(2),
		RunE: func(command *cobra.Command, args []string) error {
			spec, hosts, err := cluster.List(*name)
			if err != nil {
				return err
			}
			at := slices.IndexFunc(hosts, func(h cluster.Status) bool { return h.Name == args[0] })
			if at < 0 || !hosts[at].Running {
				return fmt.Errorf("no host %q is running (see: %s)", args[0], spec.Command("node list"))
			}
			inside := exec.CommandContext(command.Context(), "nsenter", append([]string{
				"--target", strconv.Itoa(hosts[at].PID), "--net", "--mount", "--uts", "--pid", "--"}, args[1:]...)...)
			inside.Stdin, inside.Stdout, inside.Stderr = os.Stdin, command.OutOrStdout(), command.ErrOrStderr()
			if err := inside.Run(); err != nil {
				return fmt.Errorf("%s on %s: %w", args[1], args[0], err)
			}
			return nil
		},
	}
}
