//go:build linux

package main

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"kubelab/kube/cluster"
	"kubelab/kube/component"
	"kubelab/kube/runtime"
)

// defaultRuntime is the CRI socket of a machine that is a node by itself.
const defaultRuntime = "unix:///run/kubelab/runtime.sock"

func newRuntimeCommand(declared component.Component) *cobra.Command {
	var config runtime.Config
	var podCIDR, clusterCIDR string
	command := newComponentCommand(declared.Name, declared.Short, func(ctx context.Context) error {
		var err error
		if config.ClusterCIDR, err = netip.ParsePrefix(clusterCIDR); err != nil {
			return fmt.Errorf("--cluster-cidr: %w", err)
		}
		if podCIDR != "" {
			if config.PodCIDR, err = netip.ParsePrefix(podCIDR); err != nil {
				return fmt.Errorf("--pod-cidr: %w", err)
			}
		}
		if config.Root, err = filepath.Abs(config.Root); err != nil {
			return fmt.Errorf("--root: %w", err)
		}
		if _, err := os.Stat(config.Shim); err != nil {
			return fmt.Errorf("--shim: %w (build it with: go build ./kube/cmd/kube-shim)", err)
		}
		return runtime.Run(ctx, config)
	})
	flags := command.Flags()
	flags.StringVar(&config.Root, "root", "/var/lib/kubelab/runtime", "the directory for images, pods and addresses")
	flags.StringVar(&config.Listen, "listen", defaultRuntime, "the CRI socket")
	flags.StringVar(&config.Shim, "shim", cluster.Program("kube-shim"), "the program that watches over a pod's containers")
	flags.StringVar(&podCIDR, "pod-cidr", "", "the range of this node's pods, 10.244.1.0/24 say (none: a kubelet will say it)")
	flags.StringVar(&clusterCIDR, "cluster-cidr", "10.244.0.0/16", "the range of all nodes' pods")
	flags.StringVar(&config.CgroupParent, "cgroup-parent", "/kubelab/runtime", "the cgroup of those pods for which the client names none")
	return command
}
