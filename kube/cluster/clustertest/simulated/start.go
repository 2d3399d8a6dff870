//go:build linux

package simulated

import (
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
	"sync"

	"k8s.io/client-go/tools/clientcmd"

	"kubelab/kube/access"
	"kubelab/kube/cluster"
	"kubelab/kube/cluster/clustertest"
)

// Label is on every simulated node, with the value "true".
const Label = "simulated"

// most is how many nodes there is room for: a host of the cluster's own never has one of the last addresses of its network.
const most = 40

// Start lets n nodes join a cluster, called simulated-1, simulated-2, …, and speaks for them until the test ends.
func Start(c *clustertest.Cluster, n int) {
	c.T.Helper()
	if n > most {
		c.T.Fatalf("%d simulated nodes: there is room for %d", n, most)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	c.T.Cleanup(func() { cancel(); all.Wait() })
	for i := range n {
		name := fmt.Sprintf("simulated-%d", i+1)
		kubeconfig, ip, err := identity(c, name, i)
		if err != nil {
			c.T.Fatalf("identity of %s: %v", name, err)
		}
		all.Go(func() {
			if err := run(ctx, kubeconfig, name, ip, map[string]string{Label: "true"}); err != nil && ctx.Err() == nil {
				c.T.Errorf("simulated node %s: %v", name, err)
			}
		})
	}
}

// identity gives a node an address where no host answers, and writes the kubeconfig by which the API server knows it as that node.
func identity(c *clustertest.Cluster, name string, i int) (kubeconfig string, ip netip.Addr, err error) {
	spec, _, err := cluster.List(c.Name)
	if err != nil {
		return "", ip, err
	}
	bytes := spec.Network.Addr().As4()
	bytes[3] = byte(254 - i)
	admin, err := clientcmd.LoadFromFile(spec.Kubeconfig())
	if err != nil {
		return "", ip, err
	}
	pki, err := access.OpenPKI(filepath.Join(c.DataDir, "pki"))
	if err != nil {
		return "", ip, err
	}
	kubeconfig = filepath.Join(filepath.Dir(c.Kubeconfig), name+".kubeconfig")
	server := admin.Clusters[spec.Context()].Server
	ip = netip.AddrFrom4(bytes)
	return kubeconfig, ip, pki.EnsureKubeconfig(kubeconfig, spec.Context(), server, access.NodeClient(name, ip))
}
