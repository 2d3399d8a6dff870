//go:build linux

package main

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/client/pkg/v3/transport"
	"go.etcd.io/etcd/server/v3/embed"
	"google.golang.org/grpc"

	"kubelab/kube/component"
	"kubelab/kube/deadlines"
)

// etcdOptions are those of one member that is alone.
type etcdOptions struct{ name, dir, pki, address string }

// A lone member waits for nobody's vote: it may elect itself after a tenth of a second.
const (
	etcdTick     = 20  // milliseconds
	etcdElection = 100 // milliseconds
)

const (
	etcdQuota     = 4 << 30 // bytes; when they are used up, etcd takes no more writes
	etcdOldest    = "10m"   // how far back a watch may begin
	etcdMaxTxnOps = 512     // a batch of steps is one transaction
	// What was written is in etcd's log before it is acknowledged. Its file of keys and values, which is made from the log, may
	// follow some time later: to write it costs the same for one change as for many.
	etcdBatch = 500 * time.Millisecond
)

func newEtcdCommand(declared component.Component) *cobra.Command {
	var options etcdOptions
	command := newComponentCommand(declared.Name, declared.Short, options.run)
	flags := command.Flags()
	flags.StringVar(&options.name, "name", "control-plane", "the name of this member")
	flags.StringVar(&options.dir, "data-dir", "", "the directory that everything is kept in")
	flags.StringVar(&options.pki, "pki", "", "the directory of keys and certificates")
	flags.StringVar(&options.address, "address", "127.0.0.1", "the address that other hosts reach this member at")
	return command
}

func (o *etcdOptions) run(ctx context.Context) error {
	config, err := o.config()
	if err != nil {
		return err
	}
	server, err := embed.StartEtcd(config)
	if err != nil {
		return fmt.Errorf("start etcd in %s: %w", o.dir, err)
	}
	defer server.Close()
	select {
	case <-ctx.Done():
		return nil
	case err := <-server.Err():
		return fmt.Errorf("etcd: %w", err)
	}
}

func (o *etcdOptions) config() (*embed.Config, error) {
	own, err := url.Parse(fmt.Sprintf("https://%s:2379", o.address))
	if err != nil {
		return nil, fmt.Errorf("--address: %w", err)
	}
	peer, local := *own, *own
	peer.Host, local.Host = o.address+":2380", "127.0.0.1:2379"
	config := embed.NewConfig()
	config.Name, config.Dir = o.name, o.dir
	config.ListenPeerUrls, config.AdvertisePeerUrls = []url.URL{peer}, []url.URL{peer}
	config.ListenClientUrls, config.AdvertiseClientUrls = []url.URL{local}, []url.URL{local}
	if own.Host != local.Host {
		config.ListenClientUrls, config.AdvertiseClientUrls = []url.URL{local, *own}, []url.URL{*own}
	}
	config.InitialCluster = config.InitialClusterFromName(o.name)
	// Where etcd has a second listener for HTTP (health, metrics), the first is gRPC's alone, and not an HTTP server that passes
	// each call on to it: a transaction then costs two thirds.
	http := url.URL{Scheme: own.Scheme, Host: "127.0.0.1:2381"}
	config.ListenClientHttpUrls, config.EnableGRPCGateway = []url.URL{http}, false
	config.GRPCAdditionalServerOptions = []grpc.ServerOption{grpc.ConnectionTimeout(deadlines.Usual.Head)} // for who connects and says nothing
	config.ClientTLSInfo, config.PeerTLSInfo = o.tls("server"), o.tls("peer")
	config.TickMs, config.ElectionMs = etcdTick, etcdElection
	config.QuotaBackendBytes, config.MaxTxnOps = etcdQuota, etcdMaxTxnOps
	config.BackendBatchInterval = etcdBatch
	config.AutoCompactionMode, config.AutoCompactionRetention = embed.CompactorModePeriodic, etcdOldest
	config.LogLevel, config.LogFormat = "warn", "console"
	return config, nil
}

// tls demands of whoever connects a certificate of etcd's own authority.
func (o *etcdOptions) tls(name string) transport.TLSInfo {
	file := filepath.Join(o.pki, "etcd", name)
	return transport.TLSInfo{
		CertFile: file + ".crt", KeyFile: file + ".key",
		TrustedCAFile: filepath.Join(o.pki, "etcd", "ca.crt"), ClientCertAuth: true,
	}
}
