//go:build linux

package podnet

import (
	"net/netip"
	"path/filepath"
	"sync"

	"github.com/vishvananda/netlink"
	"k8s.io/utils/keymutex"
)

// Config says what the pod network of one node looks like.
type Config struct {
	// Dir holds the state: Dir/addresses.json (which pod has which address) and Dir/netns/<id> (the
	// pods' namespaces, as bind mounts that keep them alive while no process is inside).
	Dir string
	// PodCIDR is the range of this node's pods, for example 10.244.1.0/24.
	PodCIDR netip.Prefix
	// ClusterCIDR is the range of all nodes' pods, for example 10.244.0.0/16. Packets from PodCIDR to
	// addresses outside ClusterCIDR leave with the node's address.
	ClusterCIDR netip.Prefix
	// Pods are the ids that the caller still knows, with their addresses, in case those in Dir cannot be read. Whatever Open finds
	// that belongs to another id is removed: it is the remains of an Attach or a Detach that a crash cut short.
	Pods map[string]netip.Addr
}

// Attachment is a pod's place in the network.
type Attachment struct {
	// ID is the caller's name for the pod: its sandbox id.
	ID string
	// IP is the pod's address; no other pod of the cluster has it.
	IP netip.Addr
	// NetNS is the path of the pod's network namespace, to be joined by its containers.
	NetNS string
	// HostVeth is the node's end of the cable. The other end is eth0 in the pod.
	HostVeth string
	// Gateway is the address of the node's end, the pod's default route. All pods of a node have the same.
	Gateway netip.Addr
}

// Network is the pod network of one node. Its methods may be called by many goroutines at once.
type Network struct {
	cfg     Config
	gateway netip.Addr
	links   *netlink.Handle // a netlink socket in the node's namespace

	busy  keymutex.KeyMutex // held for a pod's id while it is attached or detached
	mu    sync.Mutex        // guards addrs, and the file that holds them
	addrs addresses
}

// netNSPath is where the namespace of a pod is kept.
func (n *Network) netNSPath(id string) string { return filepath.Join(n.cfg.Dir, "netns", id) }

// attachment describes the pod id with the address ip. All of it follows from these two.
func (n *Network) attachment(id string, ip netip.Addr) Attachment {
	return Attachment{
		ID:       id,
		IP:       ip,
		NetNS:    n.netNSPath(id),
		HostVeth: PortName(n.cfg.PodCIDR, ip),
		Gateway:  n.gateway,
	}
}
