//go:build linux

package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"kubelab/kube/podnet"
)

// The switch is a bridge in a network namespace of its own. A host's cable is a veth pair: one end is the
// host's eth0, the other a port of the switch that has the host's name.
const (
	bridgeName = "switch"
	uplinkPort = "machine"
	hostNIC    = "eth0"
)

func switchPath(cluster string) string { return filepath.Join(clusterDir(cluster), "switch") }

// makeSwitch makes the switch, unless it is there.
func makeSwitch(cluster string) error {
	path := switchPath(cluster)
	if err := podnet.Do(path, func() error { _, err := netlink.LinkByName(bridgeName); return err }); err == nil {
		return nil
	}
	if err := podnet.RemoveNetNS(path); err != nil {
		return err
	}
	if err := podnet.NewNetNS(path); err != nil {
		return fmt.Errorf("make switch: %w", err)
	}
	return podnet.Do(path, addBridge)
}

// addBridge makes the bridge in the namespace that the thread is in.
func addBridge() error {
	bridge := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: bridgeName}}
	if err := netlink.LinkAdd(bridge); err != nil {
		return fmt.Errorf("make a bridge: %w", err)
	}
	return netlink.LinkSetUp(bridge)
}

// removeSwitch takes the switch away, with all cables that are plugged into it.
func removeSwitch(cluster string) error {
	if _, err := os.Stat(switchPath(cluster)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return podnet.RemoveNetNS(switchPath(cluster))
}

// plug connects a host, which is named by its first process, to the switch and gives it its address.
// gateway is the way out; invalid: there is none.
func plug(spec Spec, host Host, gateway netip.Addr, pid int) error {
	err := podnet.Do(switchPath(spec.Name), func() error {
		return addCable(host.Name, &netlink.Veth{
			PeerName: hostNIC, PeerNamespace: netlink.NsPid(pid), PeerHardwareAddr: hardwareAddr(host.Address),
		})
	})
	if err == nil {
		err = podnet.Do(fmt.Sprintf("/proc/%d/ns/net", pid), func() error {
			if err := setAddress(hostNIC, netip.PrefixFrom(host.Address, spec.Network.Bits())); err != nil {
				return err
			}
			return addRoutes(hostNIC, gateway, spec.Services)
		})
	}
	if err != nil {
		return fmt.Errorf("plug %s into the switch: %w", host.Name, err)
	}
	return nil
}

// plugMachine gives the machine its leg in the cluster's network, as far as it does not have it: a start may have been killed in the middle.
func plugMachine(cluster string, network netip.Prefix, own netip.Addr) error {
	leg := legName(network)
	_, err := netlink.LinkByName(leg)
	if errors.As(err, &netlink.LinkNotFoundError{}) {
		err = addLeg(cluster, leg)
	}
	if err == nil {
		err = setAddress(leg, netip.PrefixFrom(own, network.Bits()))
	}
	if err == nil {
		err = describeLink(leg, "kubelab cluster "+cluster)
	}
	if err != nil {
		return fmt.Errorf("plug the machine into the switch as %s: %w", leg, err)
	}
	return nil
}

func addLeg(cluster, leg string) error {
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return err
	}
	defer home.Close()
	return podnet.Do(switchPath(cluster), func() error {
		return addCable(uplinkPort, &netlink.Veth{PeerName: leg, PeerNamespace: netlink.NsFd(home.Fd())})
	})
}

// describeLink leaves a note for whoever looks at the machine's interfaces (ip link).
func describeLink(name, note string) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	return netlink.LinkSetAlias(link, note)
}

// addCable adds a port to the switch, and the cable that leads from it. An old cable of that name, whose
// other end went with a host that died, is taken away first.
func addCable(port string, cable *netlink.Veth) error {
	bridge, err := netlink.LinkByName(bridgeName)
	if err != nil {
		return err
	}
	if old, err := netlink.LinkByName(port); err == nil {
		if err := netlink.LinkDel(old); err != nil {
			return err
		}
	}
	cable.LinkAttrs = netlink.NewLinkAttrs()
	cable.Name, cable.MasterIndex = port, bridge.Attrs().Index
	if err := netlink.LinkAdd(cable); err != nil {
		return err
	}
	return netlink.LinkSetUp(cable)
}

// setAddress configures an interface of the namespace that the thread is in, and its loopback.
func setAddress(name string, address netip.Prefix) error {
	if _, err := setUp("lo"); err != nil {
		return err
	}
	link, err := setUp(name)
	if err != nil {
		return err
	}
	ip := &netlink.Addr{IPNet: &net.IPNet{IP: address.Addr().AsSlice(), Mask: net.CIDRMask(address.Bits(), 32)}}
	return netlink.AddrReplace(link, ip)
}

// addRoutes lead all that has no better way to the gateway, if there is one. What goes to services has a way that leads nowhere: a packet
// is given its real destination after it was seen that there is a way for it, and one that is not must not leave the cluster.
func addRoutes(name string, gateway netip.Addr, services netip.Prefix) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	dst := &net.IPNet{IP: services.Addr().AsSlice(), Mask: net.CIDRMask(services.Bits(), services.Addr().BitLen())}
	err = netlink.RouteAdd(&netlink.Route{LinkIndex: link.Attrs().Index, Dst: dst, Scope: netlink.SCOPE_LINK})
	if err != nil || !gateway.IsValid() {
		return err
	}
	return netlink.RouteAdd(&netlink.Route{LinkIndex: link.Attrs().Index, Gw: gateway.AsSlice()})
}

func setUp(name string) (netlink.Link, error) {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return nil, err
	}
	return link, netlink.LinkSetUp(link)
}

// setCable cuts a host's cable at the switch, or mends it. The host sees that its carrier is lost.
func setCable(cluster, host string, whole bool) error {
	return podnet.Do(switchPath(cluster), func() error {
		port, err := netlink.LinkByName(host)
		if err != nil {
			return fmt.Errorf("cable of %s: %w", host, err)
		}
		if whole {
			return netlink.LinkSetUp(port)
		}
		return netlink.LinkSetDown(port)
	})
}

// pulledCables are the hosts whose cables are there and plugged out.
func pulledCables(cluster string) (map[string]bool, error) {
	pulled := map[string]bool{}
	err := podnet.Do(switchPath(cluster), func() error {
		ports, err := netlink.LinkList()
		for _, port := range ports {
			if port.Attrs().Flags&net.FlagUp == 0 {
				pulled[port.Attrs().Name] = true
			}
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look at the switch: %w", err)
	}
	return pulled, nil
}

// hardwareAddr follows from the address, so that a host that comes back is known to its neighbours.
func hardwareAddr(ip netip.Addr) net.HardwareAddr {
	b := ip.As4()
	return net.HardwareAddr{0x0a, 0x58, b[0], b[1], b[2], b[3]} // the 2 in 0x0a: locally administered
}

// takenNetworks are those that a new cluster must stay out of: the machine's routes, also those in tables of their own, as VPNs have them.
func takenNetworks() ([]netip.Prefix, error) {
	routes, err := netlink.RouteListFiltered(netlink.FAMILY_V4, &netlink.Route{Table: unix.RT_TABLE_UNSPEC}, netlink.RT_FILTER_TABLE)
	if err != nil {
		return nil, fmt.Errorf("list the machine's routes: %w", err)
	}
	var taken []netip.Prefix
	for _, route := range routes {
		if route.Dst == nil {
			continue
		}
		if ip, ok := netip.AddrFromSlice(route.Dst.IP.To4()); ok {
			ones, _ := route.Dst.Mask.Size()
			taken = append(taken, netip.PrefixFrom(ip, ones))
		}
	}
	return taken, nil
}
