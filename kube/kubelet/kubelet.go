//go:build linux

package kubelet

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/opencontainers/cgroups"
	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/kubelet/eviction"
	"kubelab/kube/kubelet/serve"
	"kubelab/kube/operator"
	"kubelab/kube/pods"
	"kubelab/kube/pods/cri"
)

// Config is what a kubelet is told at its start.
type Config struct {
	NodeName, NodeIP string
	Runtime          string            // the CRI socket, unix:///…
	Root             string            // the directory of pods' files and logs
	CgroupRoot       string            // the node's cgroup
	CPU, Memory      resource.Quantity // what the node has to give
	ClusterDNS       string
	ClusterDomain    string
	Port             int // of the server
	// The server's certificate, and the authority of those who may ask it.
	TLSCert, TLSKey, ClientCA string
}

// Kubelet is the agent of one node.
type Kubelet struct {
	config  Config
	client  *operator.Client
	runtime *cri.Runtime
	watches informers.SharedInformerFactory // of the node's pods, and only those
	nodes   informers.SharedInformerFactory // of the node itself
}

// Run is the life of a kubelet, until ctx is done. Neither the API server nor the runtime need be there: without
// them it serves what it can and waits. Pods live on without it.
func Run(ctx context.Context, client *operator.Client, config Config) error {
	var err error
	if config.Root, err = filepath.Abs(config.Root); err != nil {
		return fmt.Errorf("root directory of the kubelet: %w", err)
	}
	if err := os.MkdirAll(config.Root, 0o700); err != nil {
		return fmt.Errorf("make root directory of the kubelet: %w", err)
	}
	client.Node = config.NodeName
	runtime, hangUp, err := cri.Dial(config.Runtime, client.Recorder)
	if err != nil {
		return err
	}
	defer hangUp()
	k := &Kubelet{
		config: config, client: client, runtime: runtime,
		watches: selected(client, "spec.nodeName="+config.NodeName),
		nodes:   selected(client, "metadata.name="+config.NodeName),
	}
	work, ctx := errgroup.WithContext(ctx)
	work.Go(func() error {
		return sendHeartbeats(ctx, client, config.NodeName)
	})
	server := serve.Config{
		Address: net.JoinHostPort(config.NodeIP, strconv.Itoa(config.Port)),
		TLSCert: config.TLSCert, TLSKey: config.TLSKey, ClientCA: config.ClientCA,
	}
	known := k.watches.Core().V1().Pods().Lister()
	work.Go(func() error { return serve.Run(ctx, server, known, runtime) })
	work.Go(func() error { return k.runPods(ctx) })
	return work.Wait()
}

// selected shares watches that see only what a field selector lets through.
func selected(client *operator.Client, fields string) informers.SharedInformerFactory {
	return informers.NewSharedInformerFactoryWithOptions(client, 0,
		informers.WithTweakListOptions(func(options *metav1.ListOptions) { options.FieldSelector = fields }),
		informers.WithTransform(func(object any) (any, error) {
			if is, ok := object.(metav1.Object); ok {
				is.SetManagedFields(nil)
			}
			return object, nil
		}))
}

// runPods speaks for the node and keeps its pods, as soon as the runtime has said who it is.
func (k *Kubelet) runPods(ctx context.Context) error {
	version, err := k.greet(ctx)
	if err != nil {
		return err
	}
	machine := Machine{Name: k.config.NodeName, IP: k.config.NodeIP, Port: int32(k.config.Port), CPU: k.config.CPU, Memory: k.config.Memory}
	if machine.Info, machine.Storage, err = lookAround(k.config.Root); err != nil {
		return err
	}
	machine.Info.ContainerRuntimeVersion = version.RuntimeName + "://" + version.RuntimeVersion
	node, err := newNode(machine, k.client, k.nodes, k.runtime)
	if err != nil {
		return err
	}
	ours, err := pods.New(k.podsNode(version.RuntimeName), k.client, k.watches, k.nodes, k.runtime)
	if err != nil {
		return err
	}
	k.nodes.StartWithContext(ctx)
	k.watches.StartWithContext(ctx)
	defer k.nodes.Shutdown()
	defer k.watches.Shutdown()
	work, ctx := errgroup.WithContext(ctx)
	work.Go(func() error {
		k.nodes.WaitForCacheSyncWithContext(ctx)
		return node.run(ctx)
	})
	work.Go(func() error {
		// Until the API server has shown its pods, nothing is done: every pod would look like an orphan.
		k.watches.WaitForCacheSyncWithContext(ctx)
		k.nodes.WaitForCacheSyncWithContext(ctx)
		slog.Info("the node's pods are known", "node", k.config.NodeName)
		return ours.Run(ctx)
	})
	work.Go(func() error { return (&eventStream{runtime: k.runtime, observer: ours}).run(ctx) })
	work.Go(func() error {
		eviction.Run(ctx, k.podsNode(version.RuntimeName), k.watches.Core().V1().Pods().Lister(), ours.Evict)
		return nil
	})
	work.Go(func() error {
		serve.KeepLogsSmall(ctx, k.runtime)
		return nil
	})
	return work.Wait()
}

// greet asks the runtime who it is, for as long as it takes.
func (k *Kubelet) greet(ctx context.Context) (*runtimeapi.VersionResponse, error) {
	ticker := time.NewTicker(reconnect)
	defer ticker.Stop()
	for told := false; ; {
		version, err := k.runtime.Version(ctx, &runtimeapi.VersionRequest{})
		if err == nil {
			return version, nil
		}
		if !told {
			slog.Warn("the runtime does not answer: start it with kube runtime", "socket", k.config.Runtime, "error", err)
			told = true
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-ticker.C:
		}
	}
}

// podsNode is what pods must know of their node.
func (k *Kubelet) podsNode(runtime string) cri.Node {
	return cri.Node{
		Name: k.config.NodeName, IP: k.config.NodeIP, Runtime: runtime,
		CPU: k.config.CPU.MilliValue(), Memory: k.config.Memory.Value(),
		Root: k.config.Root, CgroupRoot: k.config.CgroupRoot, CgroupV2: cgroups.IsCgroup2UnifiedMode(),
		DNS: k.config.ClusterDNS, Domain: k.config.ClusterDomain, Resolver: resolver("/etc/resolv.conf"),
	}
}
