//go:build linux

package podnet

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"regexp"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// podInterface is the pod's end of its cable, as pods of every Kubernetes see it.
const podInterface = "eth0"

const mtu = 1500 // bytes; the nodes' own link has the same

// rangeProtocol marks the route that claims the node's range (see routeProtocol, which marks those to other nodes' ranges).
const rangeProtocol netlink.RouteProtocol = 106

// How long an interface may take to be ready (a few microseconds are usual; more means a very busy machine), and how often we look.
const (
	carrierTimeout = 5 * time.Second
	carrierPoll    = 500 * time.Microsecond
)

// portPattern is what PortName makes.
var portPattern = regexp.MustCompile(`^pod[0-9]+$`)

// setUpNode prepares the namespace of the calling thread: forwarding, the node's range, rules.
func (n *Network) setUpNode() (err error) {
	if n.links, err = netlink.NewHandle(unix.NETLINK_ROUTE); err != nil {
		return fmt.Errorf("open netlink socket: %w", err)
	}
	if err := beRouter(); err != nil {
		return fmt.Errorf("let the node forward packets: %w", err)
	}
	if err := n.claimRange(); err != nil {
		return fmt.Errorf("claim the range %s: %w", n.cfg.PodCIDR, err)
	}
	return setUpRules(n.cfg.PodCIDR, n.cfg.ClusterCIDR)
}

// beRouter lets the node pass packets on. A router that sends a packet back where it came from, as to a pod that its own service leads to
// itself, would also tell the sender of a shorter way (an ICMP redirect): there is none.
func beRouter() error {
	return errors.Join(
		setSysctl("ipv4/ip_forward", "1"),
		setSysctl("ipv4/conf/all/send_redirects", "0"),
		setSysctl("ipv4/conf/default/send_redirects", "0")) // which the cables to come take over
}

// claimRange says that the range ends at this node: who asks for an address of it that no pod has is told at once that there is nobody.
// Without that line the packet would follow the node's default route, and leave. A range that the node had before is given up.
func (n *Network) claimRange() error {
	own := netlink.Route{Dst: ipNet(n.cfg.PodCIDR), Type: unix.RTN_UNREACHABLE, Protocol: rangeProtocol}
	if err := n.links.RouteReplace(&own); err != nil {
		return err
	}
	claimed, err := n.links.RouteListFiltered(netlink.FAMILY_V4, &netlink.Route{Protocol: rangeProtocol}, netlink.RT_FILTER_PROTOCOL)
	if err != nil {
		return fmt.Errorf("list routes: %w", err)
	}
	var failures []error
	for _, route := range claimed {
		if route.Dst.String() == own.Dst.String() {
			continue
		}
		if err := n.links.RouteDel(&route); err != nil {
			failures = append(failures, fmt.Errorf("give up the range %s: %w", route.Dst, err))
		}
	}
	return errors.Join(failures...)
}

// plug makes the pod's namespace and cable, as far as they are not there yet. The node's end is brought up last: if it is up, all of
// it was done.
func (n *Network) plug(pod Attachment) error {
	if !isNetNS(pod.NetNS) {
		if err := errors.Join(RemoveNetNS(pod.NetNS), NewNetNS(pod.NetNS)); err != nil {
			return err
		}
	}
	port, err := n.makeCable(pod)
	if err != nil {
		return fmt.Errorf("make cable %s: %w", pod.HostVeth, err)
	}
	if err := n.links.AddrReplace(port, cableAddr(pod.Gateway, pod.IP)); err != nil {
		return fmt.Errorf("give %s the address %s: %w", pod.HostVeth, pod.Gateway, err)
	}
	return Do(pod.NetNS, func() error {
		links, err := netlink.NewHandle(unix.NETLINK_ROUTE)
		if err != nil {
			return fmt.Errorf("open netlink socket in the pod: %w", err)
		}
		defer links.Close()
		eth0, err := setUpPod(links, pod)
		if err != nil {
			return err
		}
		if err := n.links.LinkSetUp(port); err != nil {
			return fmt.Errorf("bring up %s: %w", pod.HostVeth, err)
		}
		return errors.Join(
			waitForCarrier(links, eth0),
			waitForCarrier(n.links, port.Attrs().Index))
	})
}

// waitForCarrier waits until the kernel has taken notice that an interface has somebody at its other end. It does so in the background,
// and drops what is sent before: the first packet of a pod would be lost, and sent again only after a second.
func waitForCarrier(links *netlink.Handle, index int) error {
	for deadline := time.Now().Add(carrierTimeout); ; time.Sleep(carrierPoll) {
		link, err := links.LinkByIndex(index)
		switch {
		case err != nil:
			return fmt.Errorf("look at interface %d: %w", index, err)
		case link.Attrs().OperState == netlink.OperUp:
			return nil
		case time.Now().After(deadline):
			return fmt.Errorf("%s has no carrier after %s: is the other end up?", link.Attrs().Name, carrierTimeout)
		}
	}
}

// makeCable makes the veth pair, with eth0 born inside the pod's namespace, and returns the node's end.
func (n *Network) makeCable(pod Attachment) (netlink.Link, error) {
	ns, err := os.Open(pod.NetNS)
	if err != nil {
		return nil, err
	}
	defer ns.Close()
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MTU, attrs.Alias = pod.HostVeth, mtu, pod.ID
	veth := &netlink.Veth{
		LinkAttrs:        attrs,
		PeerName:         podInterface,
		PeerNamespace:    netlink.NsFd(int(ns.Fd())),
		PeerHardwareAddr: macOf(pod.IP),
	}
	err = n.links.LinkAdd(veth)
	if !errors.Is(err, os.ErrExist) {
		return veth, err
	}
	there, err := n.links.LinkByName(pod.HostVeth)
	switch {
	case err != nil:
		return nil, err
	case there.Type() != veth.Type():
		return nil, fmt.Errorf("there is a %s of that name: rename it", there.Type())
	case there.Attrs().Alias == pod.ID: // from an Attach that a crash cut short
		return there, nil
	}
	// The last pod with this address left a process behind that keeps its namespace alive.
	return veth, errors.Join(n.unplug(pod.HostVeth), n.links.LinkAdd(veth))
}

// setUpPod configures a pod's namespace, to which links leads: loopback, eth0 with the pod's address, and the way out. It returns the
// index of eth0.
func setUpPod(links *netlink.Handle, pod Attachment) (int, error) {
	loopback := &netlink.Device{LinkAttrs: netlink.LinkAttrs{Index: 1}} // always the first interface of a namespace
	if err := links.LinkSetUp(loopback); err != nil {
		return 0, fmt.Errorf("bring up loopback: %w", err)
	}
	eth0, err := links.LinkByName(podInterface)
	if err != nil {
		return 0, fmt.Errorf("find %s in the pod: %w", podInterface, err)
	}
	if err := links.AddrReplace(eth0, cableAddr(pod.IP, pod.Gateway)); err != nil {
		return 0, fmt.Errorf("give %s the address %s: %w", podInterface, pod.IP, err)
	}
	if err := links.LinkSetUp(eth0); err != nil {
		return 0, fmt.Errorf("bring up %s: %w", podInterface, err)
	}
	if err := links.RouteReplace(&netlink.Route{LinkIndex: eth0.Attrs().Index, Gw: pod.Gateway.AsSlice()}); err != nil {
		return 0, fmt.Errorf("add default route via %s: %w", pod.Gateway, err)
	}
	return eth0.Attrs().Index, nil
}

// unplug deletes the cable whose node's end is port; eth0 in the pod goes with it.
func (n *Network) unplug(port string) error {
	link, err := n.links.LinkByName(port)
	if errors.As(err, &netlink.LinkNotFoundError{}) {
		return nil
	}
	if err == nil {
		err = n.links.LinkDel(link)
	}
	if err != nil && !errors.Is(err, unix.ENODEV) { // gone by itself, with the pod's namespace
		return fmt.Errorf("delete %s: %w", port, err)
	}
	return nil
}

// portsUp returns the names of all cable ends on the node, and whether they are up.
func (n *Network) portsUp() (map[string]bool, error) {
	links, err := n.links.LinkList()
	if err != nil {
		return nil, fmt.Errorf("list interfaces: %w", err)
	}
	ports := map[string]bool{}
	for _, l := range links {
		if l.Type() == "veth" && portPattern.MatchString(l.Attrs().Name) {
			ports[l.Attrs().Name] = l.Attrs().Flags&net.FlagUp != 0
		}
	}
	return ports, nil
}

// macOf derives an Ethernet address from an IP. 0a marks it as chosen locally. A new pod with the IP of an old one has its MAC
// too, so neighbours that remember the pair are still right.
func macOf(ip netip.Addr) net.HardwareAddr {
	return append(net.HardwareAddr{0x0a, 0x58}, ip.AsSlice()...)
}

// cableAddr is the address of one end of a cable, which names the address at the other end as its only neighbour.
func cableAddr(own, peer netip.Addr) *netlink.Addr {
	only := func(ip netip.Addr) *net.IPNet { return ipNet(netip.PrefixFrom(ip, ip.BitLen())) }
	return &netlink.Addr{IPNet: only(own), Peer: only(peer)}
}

// ipNet is prefix, with all its bits, as netlink wants it.
func ipNet(prefix netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: prefix.Addr().AsSlice(), Mask: net.CIDRMask(prefix.Bits(), prefix.Addr().BitLen())}
}

// setSysctl sets a parameter of the calling thread's network namespace, which name is a path below /proc/sys/net.
func setSysctl(name, value string) error {
	return os.WriteFile("/proc/sys/net/"+name, []byte(value), 0)
}
