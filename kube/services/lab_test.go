//go:build linux

package services

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
	"sigs.k8s.io/knftables"

	"kubelab/kube/operator"
	"kubelab/kube/podnet"
	"kubelab/kube/trace"
)

// TestMain runs the tests in a network namespace of their own, which plays the node. Nothing that they do to its
// interfaces and rules outlives them.
func TestMain(m *testing.M) {
	const inside = "KUBELAB_TEST_NODE"
	if os.Geteuid() != 0 || os.Getenv(inside) != "" {
		if os.Getenv(inside) != "" {
			_ = netlink.LinkSetUp(&netlink.Device{LinkAttrs: netlink.LinkAttrs{Index: 1}}) // loopback
		}
		os.Exit(m.Run())
	}
	again := exec.Command("/proc/self/exe", os.Args[1:]...)
	again.Env = append(os.Environ(), inside+"=1")
	again.Stdin, again.Stdout, again.Stderr = os.Stdin, os.Stdout, os.Stderr
	again.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if err := again.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "tests in a namespace of their own:", err)
		os.Exit(1)
	}
}

// lab is node-1 at 172.30.0.11, whose network is the tests' own namespace; node-2, of which only a pod
// at 10.244.2.5 is played; and the machine outside at 172.30.0.1, all at one switch.
type lab struct {
	t       *testing.T
	dir     string
	pods    *podnet.Network
	outside string // network namespaces
	farPod  string
	clients *fake.Clientset
	mu      sync.Mutex
	steps   []trace.Step
}

func newLab(t *testing.T) *lab {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: makes network namespaces and nftables rules")
	}
	l := &lab{t: t, dir: t.TempDir(), clients: fake.NewClientset(&corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: thisNode.Name},
		Spec:       corev1.NodeSpec{PodCIDR: thisNode.PodCIDR.String()},
		Status: corev1.NodeStatus{Addresses: []corev1.NodeAddress{
			{Type: corev1.NodeHostName, Address: "node-1"}, {Type: corev1.NodeInternalIP, Address: thisNode.IP.String()},
		}},
	})}
	network, err := podnet.Open(podnet.Config{Dir: l.dir, PodCIDR: thisNode.PodCIDR, ClusterCIDR: podRange})
	must(t, err)
	l.pods = network
	t.Cleanup(network.Close)
	l.wire()
	return l
}

// wire makes the switch and plugs in the three hosts.
func (l *lab) wire() {
	t := l.t
	lan := l.namespace("switch")
	must(t, podnet.Do(lan, func() error {
		bridge := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "switch"}}
		if err := netlink.LinkAdd(bridge); err != nil {
			return err
		}
		return netlink.LinkSetUp(bridge)
	}))
	l.outside, l.farPod = l.namespace("outside"), l.namespace("node-2")
	must(t, plug(lan, "node-1", "172.30.0.11/24"))
	must(t, route("10.244.2.0/24", "172.30.0.12"))
	must(t, route("0.0.0.0/0", "172.30.0.1"))
	must(t, podnet.Do(l.outside, func() error { return plug(lan, "outside", "172.30.0.1/24") }))
	must(t, podnet.Do(l.farPod, func() error {
		if err := plug(lan, "node-2", "172.30.0.12/24", "10.244.2.5/32"); err != nil {
			return err
		}
		return route("10.244.1.0/24", "172.30.0.11")
	}))
	t.Cleanup(func() {
		eth0, err := netlink.LinkByName("eth0")
		must(t, err)
		must(t, netlink.LinkDel(eth0))
	})
}

func (l *lab) namespace(name string) string {
	path := filepath.Join(l.dir, name)
	must(l.t, podnet.NewNetNS(path))
	l.t.Cleanup(func() { must(l.t, podnet.RemoveNetNS(path)) })
	return path
}

// plug connects eth0 of the current namespace with the switch in the namespace lan.
func plug(lan, port string, addresses ...string) error {
	ns, err := os.Open(lan)
	if err != nil {
		return err
	}
	defer ns.Close()
	eth0 := &netlink.Veth{
		LinkAttrs: netlink.LinkAttrs{Name: "eth0"}, PeerName: port, PeerNamespace: netlink.NsFd(int(ns.Fd())),
	}
	if err := netlink.LinkAdd(eth0); err != nil {
		return err
	}
	for _, text := range addresses {
		address, err := netlink.ParseAddr(text)
		if err != nil {
			return err
		}
		if err := netlink.AddrAdd(eth0, address); err != nil {
			return err
		}
	}
	if err := netlink.LinkSetUp(eth0); err != nil {
		return err
	}
	return podnet.Do(lan, func() error {
		plugged, err := netlink.LinkByName(port)
		if err != nil {
			return err
		}
		bridge, err := netlink.LinkByName("switch")
		if err != nil {
			return err
		}
		if err := netlink.LinkSetMaster(plugged, bridge); err != nil {
			return err
		}
		return netlink.LinkSetUp(plugged)
	})
}

func route(to, via string) error {
	_, dst, err := net.ParseCIDR(to)
	if err != nil {
		return err
	}
	return netlink.RouteAdd(&netlink.Route{Dst: dst, Gw: net.ParseIP(via)})
}

// startProxy runs a proxy until the test ends or the function that it returns is called.
func (l *lab) startProxy() (stop func()) {
	l.t.Helper()
	recorder, err := trace.NewRecorder("proxy", "node-1", "")
	must(l.t, err)
	client := operator.NewClient(l.clients, recorder, "proxy")
	nft, err := knftables.New(knftables.IPv4Family, TableName)
	must(l.t, err)
	proxy, err := NewProxy(client, nft, "node-1", ranges)
	must(l.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	must(l.t, client.Sync(ctx))
	var running sync.WaitGroup
	running.Go(func() { recorder.Run(ctx, l.record) })
	running.Go(func() {
		if err := proxy.Run(ctx); err != nil {
			l.t.Error(err)
		}
	})
	stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
		l.mu.Lock()
		defer l.mu.Unlock()
		l.steps = nil
	})
	l.t.Cleanup(stop)
	return stop
}

func (l *lab) record(_ context.Context, steps []trace.Step) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.steps = append(l.steps, steps...)
	return nil
}

// loaded waits until the record tells that the rules of the service web are as described.
func (l *lab) loaded(detail string) {
	l.t.Helper()
	waitFor(l.t, "web: "+detail, func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		for i := len(l.steps) - 1; i >= 0; i-- {
			if step := l.steps[i]; step.Verb == "load rules" && step.Object.Name == "web" {
				return step.Detail == detail
			}
		}
		return false
	})
}

// store writes the service, and the endpoints behind it.
func (l *lab) store(service *corev1.Service, endpoints ...discoveryv1.Endpoint) {
	l.t.Helper()
	ctx := l.t.Context()
	api, sliceAPI := l.clients.CoreV1().Services("shop"), l.clients.DiscoveryV1().EndpointSlices("shop")
	slice := behind(service, endpoints...)[0]
	if _, err := api.Get(ctx, service.Name, metav1.GetOptions{}); err == nil {
		_, err = api.Update(ctx, service, metav1.UpdateOptions{})
		must(l.t, err)
		_, err = sliceAPI.Update(ctx, slice, metav1.UpdateOptions{})
		must(l.t, err)
		return
	}
	_, err := sliceAPI.Create(ctx, slice, metav1.CreateOptions{})
	must(l.t, err)
	_, err = api.Create(ctx, service, metav1.CreateOptions{})
	must(l.t, err)
}

// pod is a pod of node-1 that answers at port 8080.
type labPod struct {
	ip    string
	netns string
}

func (p labPod) endpoint() discoveryv1.Endpoint { return at(p.ip, "node-1", "ready") }

func (l *lab) pod(name string) labPod {
	l.t.Helper()
	pod, err := l.pods.Attach(l.t.Context(), name)
	must(l.t, err)
	l.t.Cleanup(func() { must(l.t, l.pods.Detach(context.Background(), name)) })
	serve(l.t, pod.NetNS, pod.IP.String(), name)
	return labPod{ip: pod.IP.String(), netns: pod.NetNS}
}

// serve answers TCP and UDP at port 8080. It says its name and whom it sees; then it echoes lines.
func serve(t *testing.T, netns, ip, name string) {
	t.Helper()
	var tcp net.Listener
	var udp net.PacketConn
	must(t, podnet.Do(netns, func() (err error) {
		if tcp, err = net.Listen("tcp4", net.JoinHostPort(ip, "8080")); err != nil {
			return err
		}
		udp, err = net.ListenPacket("udp4", net.JoinHostPort(ip, "8080"))
		return err
	}))
	var serving sync.WaitGroup
	t.Cleanup(func() {
		tcp.Close()
		udp.Close()
		serving.Wait()
	})
	serving.Go(func() {
		for {
			connection, err := tcp.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { greetAndEcho(connection, name) })
		}
	})
	serving.Go(func() {
		buffer := make([]byte, 100)
		for {
			_, client, err := udp.ReadFrom(buffer)
			if err != nil {
				return
			}
			_, _ = udp.WriteTo([]byte(greeting(name, client)), client)
		}
	})
}

func greetAndEcho(connection net.Conn, name string) {
	defer connection.Close()
	_, _ = connection.Write([]byte(greeting(name, connection.RemoteAddr())))
	lines := bufio.NewScanner(connection)
	for lines.Scan() {
		_, _ = fmt.Fprintln(connection, lines.Text())
	}
}

func greeting(name string, client net.Addr) string {
	return fmt.Sprintf("%s sees %s\n", name, netip.MustParseAddrPort(client.String()).Addr())
}

// answerTerm is how long an answer may take: milliseconds, but on an emulated processor that is busy, seconds.
const answerTerm = 5 * time.Second

// dial connects from inside a network namespace; "" is the node's own.
func dial(netns, protocol, address string) (connection net.Conn, err error) {
	connect := func() error {
		connection, err = net.DialTimeout(protocol, address, answerTerm)
		return err
	}
	if netns == "" {
		return connection, connect()
	}
	return connection, podnet.Do(netns, connect)
}

// ask returns what the server behind an address says.
func ask(netns, protocol, address string) (string, error) {
	connection, err := dial(netns, protocol, address)
	if err != nil {
		return "", err
	}
	defer connection.Close()
	return exchange(connection)
}

// exchange says hello and returns the next line. What comes later on the connection has a term of its own.
func exchange(connection net.Conn) (string, error) {
	if err := connection.SetDeadline(time.Now().Add(answerTerm)); err != nil {
		return "", err
	}
	defer func() { _ = connection.SetDeadline(time.Time{}) }() // it fails only on a closed connection
	if connection.LocalAddr().Network() == "udp" {
		if _, err := fmt.Fprintln(connection, "hello"); err != nil {
			return "", err
		}
	}
	line, err := bufio.NewReader(connection).ReadString('\n')
	return strings.TrimSpace(line), err
}

func waitFor(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for: %s", what)
		}
	}
}

// flushTable takes the proxy's table away behind its back.
func (l *lab) flushTable() {
	l.t.Helper()
	output, err := exec.Command("nft", "delete", "table", "ip", TableName).CombinedOutput()
	if err != nil {
		l.t.Fatalf("delete table: %v: %s", err, output)
	}
}
