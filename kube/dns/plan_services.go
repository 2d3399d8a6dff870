package dns

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
)

// host is a service and all that is known below its name.
type host struct {
	zone    Zone
	service *corev1.Service
	slices  []*discoveryv1.EndpointSlice
}

// lookUp finds the records of the service's own name (nothing below), of a port (_http._tcp), or of an
// endpoint (db-0).
func (h host) lookUp(name string, below []string) (records, bool) {
	switch {
	case len(below) == 0:
		return h.ownRecords(name), true
	case h.service.Spec.Type == corev1.ServiceTypeExternalName:
		return records{}, false
	case len(below) == 2:
		return h.portRecords(name, below[0], below[1])
	case len(below) == 1 && strings.HasPrefix(below[0], "_"):
		return records{}, h.hasProtocol(below[0])
	case len(below) == 1:
		return h.endpointRecords(name, below[0])
	}
	return records{}, false
}

// ownRecords are the service's address; of a headless service, the addresses of all endpoints; of an alias, the name that it
// stands for.
func (h host) ownRecords(name string) records {
	if h.service.Spec.Type == corev1.ServiceTypeExternalName {
		return records{own: []dns.RR{&dns.CNAME{Hdr: header(name, dns.TypeCNAME), Target: dns.Fqdn(h.service.Spec.ExternalName)}}}
	}
	if !isHeadless(h.service) {
		ip, err := netip.ParseAddr(h.service.Spec.ClusterIP)
		if err != nil {
			return records{} // not allocated yet
		}
		return records{own: []dns.RR{address(name, ip)}}
	}
	var found records
	for e := range h.ready {
		found.own = append(found.own, address(name, e.ip))
	}
	return records{own: unique(found.own)}
}

// portRecords say at which port, of which host, a named port is served.
func (h host) portRecords(name, port, protocol string) (records, bool) {
	matches := func(portName string, portProtocol corev1.Protocol) bool {
		return portName != "" && "_"+portName == port && "_"+strings.ToLower(string(portProtocol)) == protocol
	}
	var found records
	add := func(number int32, target string, ip netip.Addr) {
		found.own = append(found.own, &dns.SRV{Hdr: header(name, dns.TypeSRV), Weight: 100, Port: uint16(number), Target: target})
		found.extra = append(found.extra, address(target, ip))
	}
	target := h.zone.nameOf(h.service)
	if !isHeadless(h.service) {
		ip, err := netip.ParseAddr(h.service.Spec.ClusterIP)
		for _, p := range h.service.Spec.Ports {
			if err == nil && matches(p.Name, p.Protocol) {
				add(p.Port, target, ip)
			}
		}
		return found, len(found.own) > 0
	}
	for e := range h.ready {
		for _, p := range e.ports {
			if p.Name != nil && p.Protocol != nil && p.Port != nil && matches(*p.Name, *p.Protocol) {
				add(*p.Port, e.label+"."+target, e.ip)
			}
		}
	}
	return records{own: unique(found.own), extra: unique(found.extra)}, len(found.own) > 0
}

// hasProtocol says whether there is a port below a name such as _tcp.
func (h host) hasProtocol(label string) bool {
	return slices.ContainsFunc(h.service.Spec.Ports, func(p corev1.ServicePort) bool {
		return p.Name != "" && "_"+strings.ToLower(string(p.Protocol)) == label
	})
}

// endpointRecords are the address of one endpoint of a headless service, by its hostname.
func (h host) endpointRecords(name, label string) (records, bool) {
	var found records
	if isHeadless(h.service) {
		for e := range h.ready {
			if e.label == label {
				found.own = append(found.own, address(name, e.ip))
			}
		}
	}
	return records{own: unique(found.own)}, len(found.own) > 0
}

// endpoint is one that is ready.
type endpoint struct {
	ip    netip.Addr
	label string // its name below the service's
	ports []discoveryv1.EndpointPort
}

// ready yields the endpoints that are ready, or wanted although they are not: a slice calls both ready.
func (h host) ready(yield func(endpoint) bool) {
	for _, slice := range h.slices {
		for _, e := range slice.Endpoints {
			if !isReady(e) || len(e.Addresses) == 0 {
				continue
			}
			ip, err := netip.ParseAddr(e.Addresses[0])
			if err != nil || !ip.Is4() {
				continue
			}
			if !yield(endpoint{ip: ip, label: endpointLabel(e), ports: slice.Ports}) {
				return
			}
		}
	}
}

// nameOf is the full name of a service.
func (z Zone) nameOf(service *corev1.Service) string {
	return service.Name + "." + service.Namespace + ".svc." + dns.Fqdn(z.Domain)
}

func isHeadless(service *corev1.Service) bool { return service.Spec.ClusterIP == corev1.ClusterIPNone }

func isReady(e discoveryv1.Endpoint) bool { return e.Conditions.Ready == nil || *e.Conditions.Ready }

// endpointLabel is the endpoint's hostname; without one, its address with dashes.
func endpointLabel(e discoveryv1.Endpoint) string {
	if e.Hostname != nil && *e.Hostname != "" {
		return *e.Hostname
	}
	return strings.ReplaceAll(e.Addresses[0], ".", "-")
}

// unique drops repetitions: an endpoint may be in two slices, for two sets of ports or because it moves.
func unique(all []dns.RR) []dns.RR {
	seen := map[string]bool{}
	return slices.DeleteFunc(all, func(record dns.RR) bool {
		text := record.String()
		defer func() { seen[text] = true }()
		return seen[text]
	})
}
