package services

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/utils/ptr"
)

// Node is what the rules of a node depend on beside services and endpoints.
type Node struct {
	Name    string
	IP      netip.Addr   // node ports are open at it; invalid while it is not known
	PodCIDR netip.Prefix // the range of its pods; invalid while it is not known
}

// Frontend is an address that nobody has, and the real ones that a node puts in its place.
type Frontend struct {
	Address  netip.AddrPort
	Protocol string    // tcp, udp or sctp
	Sticky   bool      // a client always gets the same backend, as long as the backends stay the same
	Backends []Backend // in order of address; without any, connections are refused
}

// Backend is an endpoint's address, and whether it is a pod of this very node.
type Backend struct {
	Address netip.AddrPort
	Local   bool
}

// String prints a frontend as the record tells it: 10.96.3.7:80 → 3 endpoints.
func (f Frontend) String() string {
	noun := "endpoints"
	if len(f.Backends) == 1 {
		noun = "endpoint"
	}
	return fmt.Sprintf("%s → %d %s", f.Address, len(f.Backends), noun)
}

// PlanFrontends decides where a node sends the traffic of a service (nil: it is gone). Each port of the service
// is a frontend at the service's own address, and another at the node's address if it has a node port.
func PlanFrontends(service *corev1.Service, endpoints []*discoveryv1.EndpointSlice, node Node) []Frontend {
	if service == nil || service.Spec.Type == corev1.ServiceTypeExternalName {
		return nil
	}
	var frontends []Frontend
	for _, port := range service.Spec.Ports {
		all := candidates(port, endpoints, node)
		add := func(ip netip.Addr, number int32, localOnly bool) {
			frontends = append(frontends, Frontend{
				Address:  netip.AddrPortFrom(ip, uint16(number)),
				Protocol: strings.ToLower(string(port.Protocol)),
				Sticky:   service.Spec.SessionAffinity == corev1.ServiceAffinityClientIP,
				Backends: choose(all, localOnly),
			})
		}
		if ip, err := netip.ParseAddr(service.Spec.ClusterIP); err == nil { // "None" is no address
			policy := service.Spec.InternalTrafficPolicy
			add(ip, port.Port, policy != nil && *policy == corev1.ServiceInternalTrafficPolicyLocal)
		}
		if port.NodePort != 0 && node.IP.IsValid() {
			add(node.IP, port.NodePort, service.Spec.ExternalTrafficPolicy == corev1.ServiceExternalTrafficPolicyLocal)
		}
	}
	return frontends
}

// candidate is an endpoint that may become a backend.
type candidate struct {
	Backend
	ready, leaving bool // leaving: it is terminating, and still answers
}

// candidates are the endpoints behind a port of a service. An endpoint that is in two slices for a moment counts once.
func candidates(port corev1.ServicePort, endpoints []*discoveryv1.EndpointSlice, node Node) []candidate {
	byAddress := map[netip.AddrPort]candidate{}
	for _, slice := range endpoints {
		number := portNamed(slice, port)
		if number == 0 || slice.AddressType != discoveryv1.AddressTypeIPv4 {
			continue
		}
		for _, endpoint := range slice.Endpoints {
			for _, text := range endpoint.Addresses[:min(1, len(endpoint.Addresses))] { // the others say the same
				ip, err := netip.ParseAddr(text)
				if err != nil {
					continue
				}
				c := candidate{Backend: Backend{Address: netip.AddrPortFrom(ip, uint16(number))}}
				c.Local = endpoint.NodeName != nil && *endpoint.NodeName == node.Name
				c.ready = ptr.Deref(endpoint.Conditions.Ready, true)
				c.leaving = ptr.Deref(endpoint.Conditions.Serving, c.ready) && ptr.Deref(endpoint.Conditions.Terminating, false)
				if !byAddress[c.Address].ready {
					byAddress[c.Address] = c
				}
			}
		}
	}
	all := make([]candidate, 0, len(byAddress))
	for _, c := range byAddress {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b candidate) int { return a.Address.Compare(b.Address) })
	return all
}

// portNamed is the number that a slice's endpoints have for a port of the service, 0 if they have none. The
// two meet by the port's name.
func portNamed(slice *discoveryv1.EndpointSlice, port corev1.ServicePort) int32 {
	for _, p := range slice.Ports {
		if p.Port != nil && ptr.Deref(p.Name, "") == port.Name && ptr.Deref(p.Protocol, corev1.ProtocolTCP) == port.Protocol {
			return *p.Port
		}
	}
	return 0
}

// choose takes the ready ones. If none is, those that are about to end but still answer are better than
// nothing (KEP-1669).
func choose(all []candidate, localOnly bool) []Backend {
	var ready, leaving []Backend
	for _, c := range all {
		switch {
		case localOnly && !c.Local:
		case c.ready:
			ready = append(ready, c.Backend)
		case c.leaving:
			leaving = append(leaving, c.Backend)
		}
	}
	if len(ready) > 0 {
		return ready
	}
	return leaving
}
