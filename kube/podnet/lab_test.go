//go:build linux

package podnet

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
)

// worldIP is an address outside the cluster. It lives in the namespace of the switch, which is also every node's default gateway.
var worldIP = netip.MustParseAddr("203.0.113.1")

// lab is a cluster's network and nothing else: a switch, and nodes that hang on it.
type lab struct {
	dir   string
	world string // the namespace of the switch
	nodes []*labNode
}

type labNode struct {
	name string
	ns   string
	ip   netip.Addr
	cfg  Config
	net  *Network
}

// newLab makes count nodes, node-1 to node-<count>, each with its pod network open and routes to the others.
func newLab(t testing.TB, count int) *lab {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: makes network namespaces")
	}
	l := &lab{dir: t.TempDir()}
	l.world = l.netNS(t, "world")
	in(t, l.world, func() error {
		return errors.Join(
			addLink(&netlink.Bridge{LinkAttrs: named("switch")}, "172.30.0.1/24"),
			addLink(nil, worldIP.String()+"/32"))
	})
	for i := 1; i <= count; i++ {
		l.addNode(t, i)
	}
	l.syncRoutes(t)
	return l
}

func (l *lab) addNode(t testing.TB, i int) {
	t.Helper()
	n := &labNode{name: fmt.Sprintf("node-%d", i), ip: netip.AddrFrom4([4]byte{172, 30, 0, byte(10 + i)})}
	n.ns = l.netNS(t, n.name)
	n.cfg = Config{
		Dir:         filepath.Join(l.dir, "state-"+n.name),
		PodCIDR:     netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 244, byte(i), 0}), 24),
		ClusterCIDR: netip.MustParsePrefix("10.244.0.0/16"),
	}
	in(t, l.world, func() error {
		file, err := os.Open(n.ns)
		if err != nil {
			return err
		}
		defer file.Close()
		bridge, err := netlink.LinkByName("switch")
		if err != nil {
			return err
		}
		cable := &netlink.Veth{LinkAttrs: named(n.name), PeerName: "eth0", PeerNamespace: netlink.NsFd(int(file.Fd()))}
		cable.MasterIndex = bridge.Attrs().Index
		return addLink(cable, "")
	})
	in(t, n.ns, func() error {
		eth0, err := netlink.LinkByName("eth0")
		if err != nil {
			return err
		}
		address, _ := netlink.ParseAddr(n.ip.String() + "/24")
		return errors.Join(
			netlink.AddrAdd(eth0, address), netlink.LinkSetUp(eth0), addLink(nil, ""),
			netlink.RouteAdd(&netlink.Route{Gw: net.IPv4(172, 30, 0, 1)}))
	})
	n.open(t)
	t.Cleanup(func() {
		for _, pod := range n.net.List() {
			if err := n.net.Detach(t.Context(), pod.ID); err != nil {
				t.Error(err)
			}
		}
		n.net.Close()
	})
	l.nodes = append(l.nodes, n)
}

// open opens the node's pod network, as a runtime does when it starts, for the pods that it knows.
func (n *labNode) open(t testing.TB, pods ...string) {
	t.Helper()
	if n.net != nil {
		n.net.Close()
	}
	n.cfg.Pods = map[string]netip.Addr{}
	for _, id := range pods {
		n.cfg.Pods[id] = netip.Addr{}
	}
	in(t, n.ns, func() (err error) {
		n.net, err = Open(n.cfg)
		return err
	})
}

func (l *lab) syncRoutes(t testing.TB) {
	t.Helper()
	var nodes []Node
	for _, n := range l.nodes {
		nodes = append(nodes, Node{Name: n.name, PodCIDR: n.cfg.PodCIDR, IP: n.ip})
	}
	for _, n := range l.nodes {
		in(t, n.ns, func() error {
			_, err := SyncRoutes(n.name, nodes)
			return err
		})
	}
}

// netNS makes a namespace that the end of the test removes.
func (l *lab) netNS(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join(l.dir, name)
	if err := NewNetNS(path); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := RemoveNetNS(path); err != nil {
			t.Error(err)
		}
	})
	return path
}

// attach gives node a new pod, with a TCP server on port 80 that answers each caller with the address it calls from.
func (n *labNode) attach(t testing.TB, id string) Attachment {
	t.Helper()
	pod, err := n.net.Attach(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	serve(t, pod.NetNS)
	return pod
}

// serve listens on port 80 of every address of the namespace.
func serve(t testing.TB, ns string) {
	t.Helper()
	var listener net.Listener
	in(t, ns, func() (err error) {
		listener, err = net.Listen("tcp4", "0.0.0.0:80")
		return err
	})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			host, _, _ := net.SplitHostPort(conn.RemoteAddr().String())
			io.WriteString(conn, host)
			conn.Close()
		}
	}()
	t.Cleanup(func() {
		listener.Close()
		<-done
	})
}

// seenAs calls port 80 of ip from inside a namespace, and returns the address that the server saw.
func seenAs(ns string, ip netip.Addr) (address string, err error) {
	err = Do(ns, func() error {
		conn, err := net.DialTimeout("tcp4", ip.String()+":80", 2*time.Second)
		if err != nil {
			return err
		}
		defer conn.Close()
		answer, err := io.ReadAll(conn)
		address = string(answer)
		return err
	})
	return address, err
}

// in fails the test if fn, called inside a namespace, fails.
func in(t testing.TB, ns string, fn func() error) {
	t.Helper()
	if err := Do(ns, fn); err != nil {
		t.Fatal(err)
	}
}

// addLink makes a link (nil: takes the loopback), gives it an address unless that is empty, and brings it up.
func addLink(link netlink.Link, address string) error {
	if link == nil {
		link = &netlink.Device{LinkAttrs: netlink.LinkAttrs{Index: 1}}
	} else if err := netlink.LinkAdd(link); err != nil {
		return err
	}
	if address != "" {
		parsed, err := netlink.ParseAddr(address)
		if err != nil {
			return err
		}
		if err := netlink.AddrAdd(link, parsed); err != nil {
			return err
		}
	}
	return netlink.LinkSetUp(link)
}

func named(name string) netlink.LinkAttrs {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = name
	return attrs
}

// waitFor polls until state is there.
func waitFor(t testing.TB, what string, state func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !state(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited 10 s for %s", what)
		}
	}
}

// List returns all attached pods in the order of their addresses.
func (n *Network) List() []Attachment {
	n.mu.Lock()
	defer n.mu.Unlock()
	var pods []Attachment
	for id, ip := range n.addrs.Pods {
		pods = append(pods, n.attachment(id, ip))
	}
	slices.SortFunc(pods, func(a, b Attachment) int { return a.IP.Compare(b.IP) })
	return pods
}
