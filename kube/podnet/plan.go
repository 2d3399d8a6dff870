package podnet

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
)

// ErrRangeFull says that every address of a node's pod range is given to a pod.
var ErrRangeFull = errors.New("every address of the pod range is in use")

// Gateway is the node's own address at the end of each pod's cable: the first host address of the range, 10.244.1.1 in 10.244.1.0/24.
func Gateway(podCIDR netip.Prefix) netip.Addr { return podCIDR.Masked().Addr().Next() }

// PlanAddress chooses the address of the next pod: the first free one after last, the one given most recently (the
// zero Addr when there was none), and from the start again when the end of the range is reached. So an address
// stays unused for as long as possible after its pod went, and a client that still remembers it meets nobody rather
// than a stranger. The network's own address, the gateway and the broadcast address are never given.
func PlanAddress(podCIDR netip.Prefix, used map[netip.Addr]bool, last netip.Addr) (netip.Addr, error) {
	size := uint32(1) << (32 - podCIDR.Bits())
	first, end := uint32(2), size-2 // 0 is the network, 1 the gateway, size-1 the broadcast address
	number := end
	if podCIDR.Contains(last) {
		number = hostNumber(podCIDR, last)
	}
	for range end - first + 1 {
		number++
		if number > end {
			number = first
		}
		if ip := hostAddr(podCIDR, number); !used[ip] {
			return ip, nil
		}
	}
	return netip.Addr{}, fmt.Errorf("%w: %s has %d: delete pods, or give the node a larger range", ErrRangeFull, podCIDR, len(used))
}

// PortName is the name of the node's end of a pod's cable: "pod" and the number of the address within the range, pod7
// for 10.244.1.7 in 10.244.1.0/24. It is unique on the node, and short enough for the kernel's 15 bytes.
func PortName(podCIDR netip.Prefix, ip netip.Addr) string {
	return fmt.Sprintf("pod%d", hostNumber(podCIDR, ip))
}

// hostNumber is the place of an address within its range: 7 for 10.244.1.7 in 10.244.1.0/24.
func hostNumber(podCIDR netip.Prefix, ip netip.Addr) uint32 {
	base, addr := podCIDR.Masked().Addr().As4(), ip.As4()
	return binary.BigEndian.Uint32(addr[:]) - binary.BigEndian.Uint32(base[:])
}

// hostAddr is the reverse of hostNumber.
func hostAddr(podCIDR netip.Prefix, number uint32) netip.Addr {
	addr := podCIDR.Masked().Addr().As4()
	binary.BigEndian.PutUint32(addr[:], binary.BigEndian.Uint32(addr[:])+number)
	return netip.AddrFrom4(addr)
}

// Existing is what the kernel has of the pods of a node.
type Existing struct {
	// NetNS are the ids that have a file in the directory of namespaces. True says that it is a live
	// namespace; false, that it is a plain file: the machine was started anew, or a crash came before the mount.
	NetNS map[string]bool
	// Ports are the names of the pods' cable ends on the node. True says that the end is up, which is the last step of
	// Attach: the pod is fully plugged in.
	Ports map[string]bool
}

// Repair is one step that makes the kernel and the addresses on disk agree with the pods that the runtime has.
type Repair struct {
	Verb RepairVerb
	ID   string     // the pod; empty when only a port is known
	Port string     // for UnplugPort and Plug
	IP   netip.Addr // for Plug and FreeAddress
}

// RepairVerb names what a Repair does.
type RepairVerb string

// The steps of a repair, in the order in which they are carried out.
const (
	UnplugPort  RepairVerb = "unplug port"      // delete a cable that leads to no pod
	DropNetNS   RepairVerb = "remove namespace" // unmount and delete a namespace of no pod
	FreeAddress RepairVerb = "free address"     // forget the address of a pod that is gone
	Plug        RepairVerb = "plug"             // finish the cable of a pod which has an address and a namespace
)

// PlanRepair compares the addresses on disk with what the kernel has, and with the pods that are wanted.
//
// A pod stays if it is wanted, has an address, and its namespace is alive; if its cable is missing or not up, it is plugged
// again. Of every other pod everything goes: its cable, its namespace, and its address at the very end, so
// that a crash in the middle of the repair leaves something for the next one to find.
func PlanRepair(podCIDR netip.Prefix, allocated map[string]netip.Addr, existing Existing, wanted []string) []Repair {
	var steps []Repair
	ports := map[string]bool{} // those that belong to a pod which stays
	stays := map[string]bool{}
	for _, id := range wanted {
		ip, ok := allocated[id]
		if !ok || !existing.NetNS[id] {
			continue
		}
		port := PortName(podCIDR, ip)
		stays[id], ports[port] = true, true
		if !existing.Ports[port] {
			steps = append(steps, Repair{Verb: Plug, ID: id, Port: port, IP: ip})
		}
	}
	for port := range existing.Ports {
		if !ports[port] {
			steps = append(steps, Repair{Verb: UnplugPort, Port: port})
		}
	}
	for id := range existing.NetNS {
		if !stays[id] {
			steps = append(steps, Repair{Verb: DropNetNS, ID: id})
		}
	}
	for id, ip := range allocated {
		if !stays[id] {
			steps = append(steps, Repair{Verb: FreeAddress, ID: id, IP: ip})
		}
	}
	return inOrder(steps)
}

// inOrder sorts steps by verb, and by pod and port within a verb.
func inOrder(steps []Repair) []Repair {
	order := []RepairVerb{UnplugPort, DropNetNS, FreeAddress, Plug}
	slices.SortFunc(steps, func(a, b Repair) int {
		return cmp.Or(
			cmp.Compare(slices.Index(order, a.Verb), slices.Index(order, b.Verb)),
			cmp.Compare(a.ID, b.ID),
			cmp.Compare(a.Port, b.Port),
		)
	})
	return steps
}

// inUse are the addresses of an allocation.
func inUse(allocated map[string]netip.Addr) map[netip.Addr]bool {
	used := make(map[netip.Addr]bool, len(allocated))
	for ip := range maps.Values(allocated) {
		used[ip] = true
	}
	return used
}
