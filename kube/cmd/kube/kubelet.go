//go:build linux

package main

import (
	"context"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/resource"

	"kubelab/kube/component"
	"kubelab/kube/kubelet"
	"kubelab/kube/operator"
)

// newKubeletCommand makes `kube kubelet`, which runs on its node, beside `kube runtime`.
func newKubeletCommand(declared component.Component) *cobra.Command {
	config := kubelet.Config{CPU: resource.MustParse("2"), Memory: resource.MustParse("4Gi")}
	var command *cobra.Command
	command = newClientCommand(declared,
		func(ctx context.Context, client *operator.Client) error {
			config.NodeName = command.Flag("node-name").Value.String()
			return kubelet.Run(ctx, client, config)
		})
	flags := command.Flags()
	flags.StringVar(&config.NodeIP, "node-ip", "", "this node's address")
	flags.StringVar(&config.Runtime, "runtime", defaultRuntime, "the CRI socket of the container runtime")
	flags.StringVar(&config.Root, "root", "/var/lib/kubelab/kubelet", "the directory for pods' files and logs")
	flags.StringVar(&config.CgroupRoot, "cgroup-root", "/kubelab/node", "the cgroup under which pods go")
	flags.Var(&quantity{&config.CPU}, "cpu", "what this node has to give of CPU")
	flags.Var(&quantity{&config.Memory}, "memory", "what this node has to give of memory")
	flags.StringVar(&config.ClusterDNS, "cluster-dns", "10.96.0.10", "the address of the cluster's DNS server")
	flags.StringVar(&config.ClusterDomain, "cluster-domain", "cluster.local", "the domain of the cluster's names")
	flags.IntVar(&config.Port, "port", 10250, "the port on which the API server asks for logs and shells")
	flags.StringVar(&config.TLSCert, "tls-cert", "", "the certificate that the kubelet shows on that port")
	flags.StringVar(&config.TLSKey, "tls-key", "", "the key of that certificate")
	flags.StringVar(&config.ClientCA, "client-ca", "", "the authority of those who may ask on that port")
	for _, required := range []string{"kubeconfig", "node-ip", "tls-cert", "tls-key", "client-ca"} {
		if err := command.MarkFlagRequired(required); err != nil {
			panic(err)
		}
	}
	return command
}

// quantity is a flag such as 500m or 4Gi.
type quantity struct{ *resource.Quantity }

// Set reads the flag.
func (q quantity) Set(text string) error {
	value, err := resource.ParseQuantity(text)
	*q.Quantity = value
	return err
}

// Type names what the flag takes, in the help.
func (quantity) Type() string { return "quantity" }
