//go:build linux

package main

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/spf13/cobra"

	"kubelab/kube/component"
	"kubelab/kube/dns"
	"kubelab/kube/operator"
)

// newDNSCommand makes `kube dns`, which runs in its node's network namespace and takes the cluster's DNS address there.
func newDNSCommand(declared component.Component) *cobra.Command {
	config := dns.Config{}
	var upstream []string
	command := newClientCommand(declared,
		func(ctx context.Context, client *operator.Client) error {
			for _, text := range upstream {
				server, err := serverAddress(text)
				if err != nil {
					return err
				}
				config.Upstream = append(config.Upstream, server)
			}
			if err := dns.Own(config.Listen.Addr()); err != nil {
				return err
			}
			server, err := dns.New(client, config)
			if err != nil {
				return err
			}
			return server.Run(ctx)
		})
	flags := command.Flags()
	flags.TextVar(&config.Listen, "listen", netip.MustParseAddrPort("10.96.0.10:53"), "the cluster's DNS address; this node gets it")
	flags.StringVar(&config.Domain, "domain", "cluster.local", "the cluster's domain")
	flags.StringSliceVar(&upstream, "upstream", nil, "servers for all other names, as IP or IP:PORT (none: such names are not found)")
	return command
}

// serverAddress reads the address of a name server. Its port is 53 unless it says otherwise.
func serverAddress(text string) (netip.AddrPort, error) {
	if ip, err := netip.ParseAddr(text); err == nil {
		return netip.AddrPortFrom(ip, 53), nil
	}
	address, err := netip.ParseAddrPort(text)
	if err != nil {
		return address, fmt.Errorf("upstream server %q: write an IP or IP:PORT: %w", text, err)
	}
	return address, nil
}
