package dns

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var zone = Zone{Domain: "cluster.local", Server: netip.MustParseAddr("10.96.0.10")}

// memory is a cluster that is only a list.
type memory struct {
	services []*corev1.Service
	slices   []*discoveryv1.EndpointSlice
}

func (m memory) find(matches func(*corev1.Service) bool) *corev1.Service {
	if i := slices.IndexFunc(m.services, matches); i >= 0 {
		return m.services[i]
	}
	return nil
}

func (m memory) Service(namespace, name string) *corev1.Service {
	return m.find(func(s *corev1.Service) bool { return s.Namespace == namespace && s.Name == name })
}

func (m memory) ServiceAt(ip netip.Addr) *corev1.Service {
	return m.find(func(s *corev1.Service) bool { return s.Spec.ClusterIP == ip.String() })
}

func (m memory) HasServices(namespace string) bool {
	return m.find(func(s *corev1.Service) bool { return s.Namespace == namespace }) != nil
}

func (m memory) Slices(namespace, name string) (found []*discoveryv1.EndpointSlice) {
	for _, slice := range m.slices {
		if slice.Namespace == namespace && slice.Labels[discoveryv1.LabelServiceName] == name {
			found = append(found, slice)
		}
	}
	return found
}

func (m memory) SlicesWith(ip netip.Addr) (found []*discoveryv1.EndpointSlice) {
	for _, slice := range m.slices {
		addresses, _ := addressesOf(slice)
		if slices.Contains(addresses, ip.String()) {
			found = append(found, slice)
		}
	}
	return found
}

// shop is a cluster with a service of each sort in the namespace shop.
func shop() memory {
	service := func(name, clusterIP string) *corev1.Service {
		return &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name},
			Spec: corev1.ServiceSpec{ClusterIP: clusterIP, Ports: []corev1.ServicePort{
				{Name: "http", Protocol: corev1.ProtocolTCP, Port: 80}, {Name: "admin", Protocol: corev1.ProtocolTCP, Port: 81},
			}},
		}
	}
	alias := service("alias", "")
	alias.Spec = corev1.ServiceSpec{Type: corev1.ServiceTypeExternalName, ExternalName: "www.example.org"}
	return memory{
		services: []*corev1.Service{service("web", "10.96.3.7"), service("db", "None"), service("empty", "None"), alias},
		slices: []*discoveryv1.EndpointSlice{
			slice("web", endpointAt("10.244.1.5", "", true)),
			slice("db", endpointAt("10.244.1.6", "db-0", true), endpointAt("10.244.2.6", "db-1", true),
				endpointAt("10.244.2.7", "", true), endpointAt("10.244.2.8", "db-3", false)),
		},
	}
}

func slice(service string, endpoints ...discoveryv1.Endpoint) *discoveryv1.EndpointSlice {
	return &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", Name: service + "-1", Labels: map[string]string{discoveryv1.LabelServiceName: service},
		},
		AddressType: discoveryv1.AddressTypeIPv4, Endpoints: endpoints,
		Ports: []discoveryv1.EndpointPort{{Name: new("http"), Protocol: new(corev1.ProtocolTCP), Port: new(int32(8080))}},
	}
}

func endpointAt(ip, hostname string, ready bool) discoveryv1.Endpoint {
	e := discoveryv1.Endpoint{Addresses: []string{ip}, Conditions: discoveryv1.EndpointConditions{Ready: &ready}}
	if hostname != "" {
		e.Hostname = &hostname
	}
	return e
}

// ask returns the answer as it stands in a zone file, or the way in which there is none.
func ask(t *testing.T, cluster Cluster, name, kind string) []string {
	t.Helper()
	return told(Plan(zone, dns.Question{Name: name, Qtype: dns.StringToType[kind], Qclass: dns.ClassINET}, cluster))
}

func told(reply Reply, ours bool) []string {
	switch {
	case !ours:
		return []string{"not ours"}
	case !reply.Exists:
		return []string{"NXDOMAIN"}
	case len(reply.Answer) == 0:
		return []string{"NODATA"}
	}
	return text(reply.Answer)
}

func text(records []dns.RR) []string {
	lines := []string{}
	for _, record := range records {
		lines = append(lines, strings.Join(strings.Fields(record.String()), " "))
	}
	slices.Sort(lines)
	return lines
}

func check[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// The rules of the specification: https://github.com/kubernetes/dns/blob/master/docs/specification.md

func Test2_2_TheSchemaVersionIsATXTRecord(t *testing.T) {
	check(t, "TXT", ask(t, shop(), "dns-version.cluster.local.", "TXT"), []string{`dns-version.cluster.local. 5 IN TXT "1.1.0"`})
}

func Test2_3_1_AServiceWithAClusterIPHasItAsItsAddress(t *testing.T) {
	check(t, "A", ask(t, shop(), "web.shop.svc.cluster.local.", "A"), []string{"web.shop.svc.cluster.local. 5 IN A 10.96.3.7"})
}

func Test2_3_2_ANamedPortOfAServiceIsAnSRVRecord(t *testing.T) {
	name := "_http._tcp.web.shop.svc.cluster.local."
	check(t, "SRV", ask(t, shop(), name, "SRV"), []string{name + " 5 IN SRV 0 100 80 web.shop.svc.cluster.local."})
	check(t, "no such port", ask(t, shop(), "_ftp._tcp.web.shop.svc.cluster.local.", "SRV"), []string{"NXDOMAIN"})
	check(t, "another protocol", ask(t, shop(), "_http._udp.web.shop.svc.cluster.local.", "SRV"), []string{"NXDOMAIN"})
}

func Test2_3_3_TheAddressOfAServiceLeadsBackToItsName(t *testing.T) {
	check(t, "PTR", ask(t, shop(), "7.3.96.10.in-addr.arpa.", "PTR"),
		[]string{"7.3.96.10.in-addr.arpa. 5 IN PTR web.shop.svc.cluster.local."})
}

func Test2_4_1_AHeadlessServiceHasTheAddressesOfItsReadyEndpoints(t *testing.T) {
	check(t, "A", ask(t, shop(), "db.shop.svc.cluster.local.", "A"), []string{
		"db.shop.svc.cluster.local. 5 IN A 10.244.1.6",
		"db.shop.svc.cluster.local. 5 IN A 10.244.2.6",
		"db.shop.svc.cluster.local. 5 IN A 10.244.2.7",
	})
}

func Test2_4_1_AnEndpointOfAHeadlessServiceHasAnAddressByItsHostname(t *testing.T) {
	check(t, "hostname", ask(t, shop(), "db-1.db.shop.svc.cluster.local.", "A"),
		[]string{"db-1.db.shop.svc.cluster.local. 5 IN A 10.244.2.6"})
	check(t, "without a hostname", ask(t, shop(), "10-244-2-7.db.shop.svc.cluster.local.", "A"),
		[]string{"10-244-2-7.db.shop.svc.cluster.local. 5 IN A 10.244.2.7"})
	check(t, "not ready", ask(t, shop(), "db-3.db.shop.svc.cluster.local.", "A"), []string{"NXDOMAIN"})
	check(t, "of a service with an address", ask(t, shop(), "10-244-1-5.web.shop.svc.cluster.local.", "A"), []string{"NXDOMAIN"})
}

func Test2_4_2_ANamedPortOfAHeadlessServiceIsAnSRVRecordForEachEndpoint(t *testing.T) {
	name := "_http._tcp.db.shop.svc.cluster.local."
	check(t, "SRV", ask(t, shop(), name, "SRV"), []string{
		name + " 5 IN SRV 0 100 8080 10-244-2-7.db.shop.svc.cluster.local.",
		name + " 5 IN SRV 0 100 8080 db-0.db.shop.svc.cluster.local.",
		name + " 5 IN SRV 0 100 8080 db-1.db.shop.svc.cluster.local.",
	})
	reply, _ := Plan(zone, dns.Question{Name: name, Qtype: dns.TypeSRV}, shop())
	check(t, "and their addresses", text(reply.Extra), []string{
		"10-244-2-7.db.shop.svc.cluster.local. 5 IN A 10.244.2.7",
		"db-0.db.shop.svc.cluster.local. 5 IN A 10.244.1.6",
		"db-1.db.shop.svc.cluster.local. 5 IN A 10.244.2.6",
	})
}

func Test2_4_3_TheAddressOfAnEndpointOfAHeadlessServiceLeadsBackToItsName(t *testing.T) {
	check(t, "PTR", ask(t, shop(), "6.1.244.10.in-addr.arpa.", "PTR"),
		[]string{"6.1.244.10.in-addr.arpa. 5 IN PTR db-0.db.shop.svc.cluster.local."})
	check(t, "of a service with an address", ask(t, shop(), "5.1.244.10.in-addr.arpa.", "PTR"), []string{"not ours"})
	check(t, "of nobody", ask(t, shop(), "9.9.9.9.in-addr.arpa.", "PTR"), []string{"not ours"})
}

func Test2_5_AnExternalNameIsAnAlias(t *testing.T) {
	for _, kind := range []string{"A", "AAAA", "CNAME"} {
		check(t, kind, ask(t, shop(), "alias.shop.svc.cluster.local.", kind),
			[]string{"alias.shop.svc.cluster.local. 5 IN CNAME www.example.org."})
	}
}

func TestAPodsAddressIsANameOfItsOwn(t *testing.T) {
	check(t, "A", ask(t, shop(), "10-244-1-5.shop.pod.cluster.local.", "A"),
		[]string{"10-244-1-5.shop.pod.cluster.local. 5 IN A 10.244.1.5"})
	check(t, "no address", ask(t, shop(), "web-1.shop.pod.cluster.local.", "A"), []string{"NXDOMAIN"})
}

func TestANameWithoutARecordOfTheTypeIsNotANameThatDoesNotExist(t *testing.T) {
	for name, want := range map[string]string{
		"web.shop.svc.cluster.local.":         "NODATA", // it has an A record
		"empty.shop.svc.cluster.local.":       "NODATA", // it may have endpoints soon
		"_tcp.web.shop.svc.cluster.local.":    "NODATA", // there are names below
		"shop.svc.cluster.local.":             "NODATA",
		"svc.cluster.local.":                  "NODATA",
		"pod.cluster.local.":                  "NODATA",
		"cluster.local.":                      "NODATA",
		"nothing.shop.svc.cluster.local.":     "NXDOMAIN",
		"web.nowhere.svc.cluster.local.":      "NXDOMAIN",
		"nowhere.svc.cluster.local.":          "NXDOMAIN",
		"x.alias.shop.svc.cluster.local.":     "NXDOMAIN",
		"_x._y.z.web.shop.svc.cluster.local.": "NXDOMAIN",
		"web.cluster.local.":                  "NXDOMAIN",
		"www.example.org.":                    "not ours",
		"notcluster.local.":                   "not ours",
		"local.":                              "not ours",
	} {
		check(t, name, ask(t, shop(), name, "AAAA"), []string{want})
	}
}

func TestUpperAndLowerCaseAreTheSameAndTheAnswerKeepsTheQuestionsSpelling(t *testing.T) {
	check(t, "A", ask(t, shop(), "Web.Shop.svc.CLUSTER.local.", "A"), []string{"Web.Shop.svc.CLUSTER.local. 5 IN A 10.96.3.7"})
}

func TestTheZoneSaysWhoAnswersForIt(t *testing.T) {
	soa := "cluster.local. 5 IN SOA ns.dns.cluster.local. hostmaster.cluster.local. 1 7200 1800 86400 5"
	check(t, "SOA", ask(t, shop(), "cluster.local.", "SOA"), []string{soa})
	check(t, "NS", ask(t, shop(), "cluster.local.", "NS"), []string{"cluster.local. 5 IN NS ns.dns.cluster.local."})
	check(t, "its address", ask(t, shop(), "ns.dns.cluster.local.", "A"), []string{"ns.dns.cluster.local. 5 IN A 10.96.0.10"})
}

func FuzzPlan(f *testing.F) {
	for _, name := range []string{"web.shop.svc.cluster.local.", "7.3.96.10.in-addr.arpa.", "_a._b.c.d.svc.cluster.local.", ".", "", "..cluster.local."} {
		f.Add(name, dns.TypeA)
	}
	cluster := shop()
	f.Fuzz(func(t *testing.T, name string, kind uint16) {
		reply, ours := Plan(zone, dns.Question{Name: name, Qtype: kind, Qclass: dns.ClassINET}, cluster)
		if len(reply.Answer) > 0 && !(ours && reply.Exists) {
			t.Errorf("%q has an answer, and does not exist", name)
		}
	})
}
