//go:build linux

package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"kubelab/kube/cluster"
)

func newDownCommand() *cobra.Command {
	var name, dataDir string
	var keepData bool
	command := &cobra.Command{
		Use: "down", Short: "End a cluster and leave the machine as it was", Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			dataDir, err := defaultDataDir(name, dataDir)
			if err != nil {
				return err
			}
			began, out := time.Now(), command.OutOrStdout()
			err = cluster.Down(command.Context(), name, dataDir, keepData)
			if errors.Is(err, cluster.ErrNotUp) {
				_, err = fmt.Fprintf(out, "There is no cluster %s on this machine.\n", name)
				return err
			}
			if err == nil {
				_, err = fmt.Fprintf(out, "The cluster %s is gone (%.2f s).\n", name, time.Since(began).Seconds())
			}
			return err
		},
	}
	cluster.Flags(command.Flags(), &name, &dataDir)
	command.Flags().BoolVar(&keepData, "keep-data", false, "keep the data directory, from which the next kube up goes on")
	return command
}
