//go:build linux

package podnet_test

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"

	"kubelab/kube/cluster/clustertest"
	"kubelab/kube/podnet"
)

const client = `
apiVersion: v1
kind: Pod
metadata: {name: client}
spec:
  terminationGracePeriodSeconds: 0
  nodeName: node-2
  containers: [{name: client, image: busybox, command: [sleep, "1000000"]}]
`

func TestThePodNetworkInACluster(t *testing.T) {
	c := clustertest.Start(t)
	c.Apply(client)
	c.Kubectl("wait", "--for=condition=Ready", "pod/client", "--timeout=30s")
	node := netip.MustParseAddr(c.Kubectl("get", "node", "node-2", "-o", `jsonpath={.status.addresses[?(@.type=="InternalIP")].address}`))

	t.Run("AHostBesideTheNodesSeesTheNodesAddress", func(t *testing.T) {
		neighbour := netip.PrefixFrom(lastOf(node), 24)
		outside := newHost(t, c.SwitchPath(), "switch", neighbour, netip.Prefix{})
		if seen := callFrom(c, t, outside, neighbour.Addr()); seen != node.String() {
			t.Errorf("the host saw %s, want the node's address %s", seen, node)
		}
	})

	t.Run("AHostBeyondTheMachineSeesTheMachinesAddress", func(t *testing.T) {
		far, machine := netip.MustParsePrefix("198.51.100.2/30"), netip.MustParsePrefix("198.51.100.1/30")
		// Our parent's network, which is ours too. Any of our own threads may be elsewhere at the moment.
		outside := newHost(t, fmt.Sprintf("/proc/%d/ns/net", os.Getppid()), "", far, machine)
		if seen := callFrom(c, t, outside, far.Addr()); seen != machine.Addr().String() {
			t.Errorf("the host saw %s, want the machine's address %s", seen, machine.Addr())
		}
	})
}

// lastOf is the highest address of the network of a host, which no host of the cluster has.
func lastOf(host netip.Addr) netip.Addr {
	four := host.As4()
	four[3] = 254
	return netip.AddrFrom4(four)
}

// newHost makes a host with an address, with a cable into another network namespace: to the bridge there, or with an
// address of its own there. It is gone after the test.
func newHost(t *testing.T, network, bridge string, address, peer netip.Prefix) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "outside")
	if err := podnet.NewNetNS(path); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := podnet.RemoveNetNS(path); err != nil {
			t.Error(err)
		}
	})
	const near, far = "testhost", "eth0"
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(podnet.Do(path, func() error {
		if err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: far}, PeerName: near}); err != nil {
			return err
		}
		return moveTo(near, network)
	}))
	must(podnet.Do(path, func() error { return bringUp(far, address, "") }))
	must(podnet.Do(network, func() error { return bringUp(near, peer, bridge) }))
	return path
}

func moveTo(name, network string) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	handle, err := os.Open(network)
	if err != nil {
		return err
	}
	defer handle.Close()
	return netlink.LinkSetNsFd(link, int(handle.Fd()))
}

func bringUp(name string, address netip.Prefix, bridge string) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	if address.IsValid() {
		parsed, err := netlink.ParseAddr(address.String())
		if err != nil {
			return err
		}
		if err := netlink.AddrAdd(link, parsed); err != nil {
			return err
		}
	}
	if bridge != "" {
		master, err := netlink.LinkByName(bridge)
		if err != nil {
			return err
		}
		if err := netlink.LinkSetMaster(link, master); err != nil {
			return err
		}
	}
	return netlink.LinkSetUp(link)
}

// callFrom has the client pod call a host, and returns the address that the host saw.
func callFrom(c *clustertest.Cluster, t *testing.T, host string, address netip.Addr) string {
	t.Helper()
	var listener net.Listener
	if err := podnet.Do(host, func() (err error) {
		listener, err = net.Listen("tcp", fmt.Sprintf("%s:8080", address))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	seen := make(chan string, 1)
	go func() {
		connection, err := listener.Accept()
		if err != nil {
			return // the test has failed and closed the listener
		}
		defer connection.Close()
		from, _, _ := strings.Cut(connection.RemoteAddr().String(), ":")
		seen <- from
		_, _ = io.WriteString(connection, "hello\n")
	}()
	said := c.Kubectl("exec", "client", "--", "timeout", "5", "nc", address.String(), "8080")
	if said != "hello" {
		t.Errorf("the pod heard %q", said)
	}
	return <-seen
}
