//go:build linux

package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/spf13/cobra"

	"kubelab/kube/access"
	"kubelab/kube/access/tokens"
	"kubelab/kube/apiserver"
	"kubelab/kube/apiserver/listen"
	"kubelab/kube/cluster"
	"kubelab/kube/component"
	"kubelab/kube/services"
	"kubelab/kube/store"
)

// apiServerOptions are what a person, or the supervisor, tells an API server.
type apiServerOptions struct {
	etcd        []string
	pki         string
	listen      string
	host        string
	address     string
	serviceCIDR netip.Prefix
}

func newAPIServerCommand(declared component.Component) *cobra.Command {
	var options apiServerOptions
	command := newComponentCommand(declared.Name, declared.Short, options.run)
	flags := command.Flags()
	hostname, _ := os.Hostname() // without one the flag has no default
	flags.StringSliceVar(&options.etcd, "etcd", []string{"https://127.0.0.1:2379"}, "where etcd listens")
	flags.StringVar(&options.pki, "pki", "", "the directory of keys and certificates")
	flags.StringVar(&options.listen, "listen", "0.0.0.0:6443", "the address and port to listen at")
	flags.StringVar(&options.host, "host", hostname, "the host that this process runs on")
	flags.StringVar(&options.address, "advertise-address", "", "where other hosts reach this server")
	flags.TextVar(&options.serviceCIDR, "service-cidr", services.DefaultRange, "the addresses of services")
	return command
}

func (o *apiServerOptions) run(ctx context.Context) error {
	server, err := o.server()
	if err != nil {
		return err
	}
	certificate, err := o.certificate("apiserver")
	if err != nil {
		return err
	}
	authority, err := listen.ReadAuthority(filepath.Join(o.pki, "ca.crt"))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	var following sync.WaitGroup
	following.Go(func() { server.Run(ctx) })
	defer following.Wait()
	defer cancel()
	return server.Listen(ctx, o.listen, certificate, authority)
}

func (o *apiServerOptions) server() (*apiserver.Server, error) {
	if err := services.CheckRange(o.serviceCIDR); err != nil {
		return nil, fmt.Errorf("--service-cidr: %w", err)
	}
	_, portText, err := net.SplitHostPort(o.listen)
	if err != nil {
		return nil, fmt.Errorf("--listen: %w: write it as 0.0.0.0:6443", err)
	}
	port, err := strconv.Atoi(portText)
	if err != nil {
		return nil, fmt.Errorf("--listen: the port %q is no number", portText)
	}
	etcdTLS, err := o.clientTLS("apiserver-etcd-client", "etcd/ca.crt")
	if err != nil {
		return nil, err
	}
	kubeletTLS, err := o.clientTLS("apiserver-kubelet-client", "ca.crt")
	if err != nil {
		return nil, err
	}
	etcd, err := store.Open(o.etcd, etcdTLS)
	if err != nil {
		return nil, err
	}
	policy, err := access.NewPolicy(cluster.Declared)
	if err != nil {
		return nil, err
	}
	signing, err := tokens.ReadKey(filepath.Join(o.pki, "sa.key"))
	if err != nil {
		return nil, fmt.Errorf("--pki: %w", err)
	}
	return apiserver.New(apiserver.Config{
		Kinds: cluster.Kinds(o.serviceCIDR), Store: etcd, Policy: policy, Tokens: signing, KubeletTLS: kubeletTLS,
		Host: o.host, Address: o.address, Port: port, ServiceIP: services.KubernetesIP(o.serviceCIDR).String(), Version: kubernetesVersion,
	})
}

func (o *apiServerOptions) certificate(name string) (tls.Certificate, error) {
	path := filepath.Join(o.pki, name)
	certificate, err := tls.LoadX509KeyPair(path+".crt", path+".key")
	if err != nil {
		return certificate, fmt.Errorf("--pki: %w", err)
	}
	return certificate, nil
}

// clientTLS is how the server shows itself to others, and by which authority it knows them.
func (o *apiServerOptions) clientTLS(name, authority string) (*tls.Config, error) {
	certificate, err := o.certificate(name)
	if err != nil {
		return nil, err
	}
	pool, err := listen.ReadAuthority(filepath.Join(o.pki, authority))
	if err != nil {
		return nil, fmt.Errorf("--pki: %w", err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{certificate}, RootCAs: pool}, nil
}
