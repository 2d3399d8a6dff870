package dns

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
)

// ttl is how long a client may keep an answer, positive or negative, in seconds.
const ttl = 5

// Cluster is where the plan looks things up.
type Cluster interface {
	Service(namespace, name string) *corev1.Service // nil: there is none
	Slices(namespace, name string) []*discoveryv1.EndpointSlice
	HasServices(namespace string) bool
	ServiceAt(ip netip.Addr) *corev1.Service               // the one that has this address; nil: none
	SlicesWith(ip netip.Addr) []*discoveryv1.EndpointSlice // those that have an endpoint at this address
}

// Zone is the part of the tree of names that the cluster answers for.
type Zone struct {
	Domain string     // cluster.local
	Server netip.Addr // where this server listens
}

// Reply is the answer to a question.
type Reply struct {
	// Exists tells two ways of having no answer apart. A name that exists and has no record of this type
	// (NODATA) may have one of another type; below a name that does not exist (NXDOMAIN) there is nothing at all.
	Exists bool
	Answer []dns.RR
	Extra  []dns.RR // what the client is sure to ask next
}

// Plan answers a question by what the cluster is like. It returns false if the name is none of the cluster's.
func Plan(zone Zone, question dns.Question, cluster Cluster) (Reply, bool) {
	name := strings.ToLower(question.Name)
	if ip, ok := reverse(name); ok {
		return planReverse(zone, question, ip, cluster)
	}
	below, ok := zone.below(name)
	if !ok {
		return Reply{}, false
	}
	records, exists := zone.lookUp(question.Name, below, cluster)
	reply := Reply{Exists: exists}
	for _, record := range records.own {
		kind := record.Header().Rrtype
		if kind == question.Qtype || question.Qtype == dns.TypeANY || kind == dns.TypeCNAME {
			reply.Answer = append(reply.Answer, record)
		}
	}
	if len(reply.Answer) > 0 {
		reply.Extra = records.extra
	}
	return reply, true
}

// below splits a name into its labels below the cluster's domain: web.shop.svc.cluster.local into [web shop svc].
func (z Zone) below(name string) ([]string, bool) {
	domain := dns.Fqdn(strings.ToLower(z.Domain))
	if name == domain {
		return nil, true
	}
	rest, ok := strings.CutSuffix(name, "."+domain)
	return strings.Split(rest, "."), ok
}

// records are all records of a name.
type records struct{ own, extra []dns.RR }

// lookUp finds the records of a name, which may be none, and whether the name exists: it does if it has records, or
// if a name below it does (RFC 8020).
func (z Zone) lookUp(name string, below []string, cluster Cluster) (records, bool) {
	n := len(below)
	switch {
	case n == 0:
		return records{own: []dns.RR{z.SOA(), z.ns(name)}}, true
	case slices.Equal(below, []string{"ns", "dns"}):
		return records{own: []dns.RR{address(name, z.Server)}}, true
	case slices.Equal(below, []string{"dns"}):
		return records{}, true
	case slices.Equal(below, []string{"dns-version"}):
		return records{own: []dns.RR{&dns.TXT{Hdr: header(name, dns.TypeTXT), Txt: []string{"1.1.0"}}}}, true
	case below[n-1] == "pod":
		return podRecords(name, below[:n-1], cluster)
	case below[n-1] != "svc":
		return records{}, false
	case n == 1:
		return records{}, true
	case n == 2:
		return records{}, cluster.HasServices(below[0])
	}
	namespace, service := below[n-2], below[n-3]
	found := cluster.Service(namespace, service)
	if found == nil {
		return records{}, false
	}
	s := host{zone: z, service: found, slices: cluster.Slices(namespace, service)}
	return s.lookUp(name, below[:n-3])
}

// SOA is the record that says who answers for the zone, and for how long a client may remember that there is no answer.
func (z Zone) SOA() dns.RR {
	domain := dns.Fqdn(z.Domain)
	return &dns.SOA{
		Hdr: header(domain, dns.TypeSOA), Ns: "ns.dns." + domain, Mbox: "hostmaster." + domain,
		Serial: 1, Refresh: 7200, Retry: 1800, Expire: 86400, Minttl: ttl,
	}
}

func (z Zone) ns(name string) dns.RR {
	return &dns.NS{Hdr: header(name, dns.TypeNS), Ns: "ns.dns." + dns.Fqdn(z.Domain)}
}

// podRecords answers for names such as 10-244-1-5.shop.pod: the address in the name, whoever has it.
func podRecords(name string, below []string, cluster Cluster) (records, bool) {
	switch len(below) {
	case 0:
		return records{}, true
	case 1:
		return records{}, cluster.HasServices(below[0])
	case 2:
		ip, err := netip.ParseAddr(strings.ReplaceAll(below[0], "-", "."))
		if err == nil && ip.Is4() {
			return records{own: []dns.RR{address(name, ip)}}, true
		}
	}
	return records{}, false
}

// reverse reads the address in a name such as 7.3.96.10.in-addr.arpa.
func reverse(name string) (netip.Addr, bool) {
	text, ok := strings.CutSuffix(name, ".in-addr.arpa.")
	if !ok {
		return netip.Addr{}, false
	}
	digits := strings.Split(text, ".")
	slices.Reverse(digits)
	ip, err := netip.ParseAddr(strings.Join(digits, "."))
	return ip, err == nil
}

// planReverse answers which name an address has. Of addresses that are neither a service's nor an endpoint's of a
// headless one, others may know.
func planReverse(zone Zone, question dns.Question, ip netip.Addr, cluster Cluster) (Reply, bool) {
	var names []string
	if service := cluster.ServiceAt(ip); service != nil {
		names = append(names, zone.nameOf(service))
	}
	for _, slice := range cluster.SlicesWith(ip) {
		service := cluster.Service(slice.Namespace, slice.Labels[discoveryv1.LabelServiceName])
		if service == nil || !isHeadless(service) {
			continue
		}
		for _, endpoint := range slice.Endpoints {
			if isReady(endpoint) && slices.Contains(endpoint.Addresses, ip.String()) {
				names = append(names, endpointLabel(endpoint)+"."+zone.nameOf(service))
			}
		}
	}
	reply := Reply{Exists: true}
	if question.Qtype == dns.TypePTR || question.Qtype == dns.TypeANY {
		for _, name := range names {
			reply.Answer = append(reply.Answer, &dns.PTR{Hdr: header(question.Name, dns.TypePTR), Ptr: name})
		}
	}
	reply.Answer = unique(reply.Answer)
	return reply, len(names) > 0
}

func header(name string, kind uint16) dns.RR_Header {
	return dns.RR_Header{Name: name, Rrtype: kind, Class: dns.ClassINET, Ttl: ttl}
}

func address(name string, ip netip.Addr) dns.RR {
	return &dns.A{Hdr: header(name, dns.TypeA), A: ip.AsSlice()}
}
