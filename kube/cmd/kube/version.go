package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"
)

// Set by scripts/build.
var (
	version           = "devel"   // of kubelab
	kubernetesVersion = "v1.37.2" // the release of Kubernetes whose API and kubectl these are
)

func newVersionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Say which version this is", Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(command.OutOrStdout(), "kubelab %s\nKubernetes API %s\n%s %s/%s\n",
				version, kubernetesVersion, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}
