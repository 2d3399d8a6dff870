package servicekind

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"kubelab/kube/services"
)

func none(string) bool { return false }

// web is a service at 10.96.3.7:80 in front of port 8080 of its pods, changed by edits, with its defaults.
func web(edits ...func(*corev1.Service)) *corev1.Service {
	s := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", UID: "web-uid"},
		Spec: corev1.ServiceSpec{
			ClusterIP: "10.96.3.7", ClusterIPs: []string{"10.96.3.7"}, Selector: map[string]string{"app": "web"},
			Ports: []corev1.ServicePort{{Port: 80, TargetPort: intstr.FromInt32(8080)}},
		},
	}
	for _, edit := range edits {
		edit(s)
	}
	setDefaults(s)
	return s
}

func nodePort(s *corev1.Service) {
	s.Spec.Type, s.Spec.Ports[0].NodePort = corev1.ServiceTypeNodePort, 30080
}
func headless(s *corev1.Service) { s.Spec.ClusterIP, s.Spec.ClusterIPs = "None", []string{"None"} }
func sticky(s *corev1.Service)   { s.Spec.SessionAffinity = corev1.ServiceAffinityClientIP }
func localOutside(s *corev1.Service) {
	s.Spec.ExternalTrafficPolicy = corev1.ServiceExternalTrafficPolicyLocal
}

func manyPorts(s *corev1.Service, n int) {
	s.Spec.Ports = nil
	for i := range n {
		s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{Name: fmt.Sprint("p", i), Port: int32(i + 1)})
	}
}

// sliceOf makes a slice of endpoints at port 8080.
func sliceOf(addresses ...string) *discoveryv1.EndpointSlice {
	slice := &discoveryv1.EndpointSlice{
		AddressType: discoveryv1.AddressTypeIPv4,
		Ports:       []discoveryv1.EndpointPort{{Name: new(""), Port: new(int32(8080)), Protocol: new(corev1.ProtocolTCP)}},
	}
	for _, address := range addresses {
		slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{Addresses: []string{address}})
	}
	return slice
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func check[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s:\n%s", what, diff)
	}
}

// problems are the errors of a service as kubectl shows them.
func problems(s *corev1.Service) []string {
	texts := []string{}
	for _, err := range validateService(s) {
		texts = append(texts, err.Error())
	}
	return texts
}

func TestWhatIsLeftOutOfAServiceGetsADefault(t *testing.T) {
	s := &corev1.Service{Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}}}
	setDefaults(s)
	check(t, "spec", s.Spec, corev1.ServiceSpec{
		Type: "ClusterIP", SessionAffinity: "None", InternalTrafficPolicy: new(corev1.ServiceInternalTrafficPolicyCluster),
		IPFamilies: []corev1.IPFamily{"IPv4"}, IPFamilyPolicy: new(corev1.IPFamilyPolicySingleStack),
		Ports: []corev1.ServicePort{{Protocol: "TCP", Port: 80, TargetPort: intstr.FromInt32(80)}},
	})
	s = web(sticky)
	check(t, "seconds of affinity", *s.Spec.SessionAffinityConfig.ClientIP.TimeoutSeconds, 10800)
	check(t, "external policy", web(nodePort).Spec.ExternalTrafficPolicy, corev1.ServiceExternalTrafficPolicyCluster)
}

func TestWhatIsWrongWithAServiceIsSaidAsKubernetesSaysIt(t *testing.T) {
	for _, c := range []struct {
		what string
		edit func(*corev1.Service)
		want []string
	}{
		{"nothing is", func(*corev1.Service) {}, []string{}},
		{"no ports", func(s *corev1.Service) { s.Spec.Ports = nil }, []string{"spec.ports: Required value"}},
		{"no ports, headless", func(s *corev1.Service) { headless(s); s.Spec.Ports = nil }, []string{}},
		{"two ports without names", func(s *corev1.Service) { s.Spec.Ports = []corev1.ServicePort{{Port: 80}, {Port: 81}} }, []string{
			"spec.ports[0].name: Required value", "spec.ports[1].name: Required value",
		}},
		{"two ports of one name", func(s *corev1.Service) {
			s.Spec.Ports = []corev1.ServicePort{{Name: "a", Port: 80}, {Name: "a", Port: 81}}
		}, []string{`spec.ports[1].name: Duplicate value: "a"`}},
		{"no such port", func(s *corev1.Service) { s.Spec.Ports[0].Port = 70000 },
			[]string{"spec.ports[0].port: Invalid value: 70000: must be between 1 and 65535, inclusive"}},
		{"no such type", func(s *corev1.Service) { s.Spec.Type = "Cloud" },
			[]string{`spec.type: Unsupported value: "Cloud": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"`}},
		{"a node port without the type", func(s *corev1.Service) { s.Spec.Ports[0].NodePort = 30080 },
			[]string{"spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"}},
		{"more node ports than one transaction claims", func(s *corev1.Service) { nodePort(s); manyPorts(s, 251) },
			[]string{"spec.ports: Too many: 251: must have at most 250 items"}},
		{"as many node ports as one transaction claims", func(s *corev1.Service) { nodePort(s); manyPorts(s, 250) }, []string{}},
		{"more ports than a node makes rules of", func(s *corev1.Service) { manyPorts(s, 1001) }, []string{"spec.ports: Too many: 1001: must have at most 1000 items"}},
		{"a headless node port", func(s *corev1.Service) { headless(s); s.Spec.Type = corev1.ServiceTypeNodePort },
			[]string{`spec.clusterIPs[0]: Invalid value: "None": may not be set to 'None' for NodePort services`}},
		{"an alias of nothing", func(s *corev1.Service) {
			s.Spec.Type, s.Spec.ClusterIP, s.Spec.ClusterIPs = corev1.ServiceTypeExternalName, "", nil
		}, []string{"spec.externalName: Required value"}},
		{"IPv6", func(s *corev1.Service) { s.Spec.IPFamilies = []corev1.IPFamily{"IPv6"} },
			[]string{`spec.ipFamilies[0]: Invalid value: "IPv6": not configured on this cluster`}},
		{"an address outside", func(s *corev1.Service) { s.Spec.ExternalIPs = []string{"192.0.2.1"} },
			[]string{"spec.externalIPs: Forbidden: kubelab does not have this yet"}},
		{"a policy for clients outside, who cannot come", localOutside,
			[]string{`spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services`}},
	} {
		check(t, c.what, problems(web(c.edit)), c.want)
	}
}

var claim = claimFrom(services.DefaultRange)

func TestAServiceGetsAnAddressAndNodePortsOfItsOwn(t *testing.T) {
	s := web(func(s *corev1.Service) {
		s.Spec.ClusterIP, s.Spec.ClusterIPs, s.Spec.Type = "", nil, corev1.ServiceTypeNodePort
	})
	claims, err := claim(s, none)
	must(t, err)
	check(t, "claims", claims, []string{"clusterip/" + s.Spec.ClusterIP, portClaim("TCP", s.Spec.Ports[0].NodePort)})
	check(t, "addresses", s.Spec.ClusterIPs, []string{s.Spec.ClusterIP})
	again, err := claim(s, none)
	must(t, err)
	check(t, "claims of what it has", again, claims)
}

func TestAHeadlessServiceAndAnAliasClaimNothing(t *testing.T) {
	for what, s := range map[string]*corev1.Service{
		"headless": web(headless),
		"alias":    web(func(s *corev1.Service) { s.Spec.Type, s.Spec.ClusterIP = corev1.ServiceTypeExternalName, "" }),
	} {
		claims, err := claim(s, none)
		must(t, err)
		check(t, what, claims, nil)
	}
}

func TestARandomAddressStaysOutOfThePartThatPeopleChooseFrom(t *testing.T) {
	for text, chosen := range map[string]int{"10.96.0.0/16": 256, "172.16.0.0/12": 256, "192.168.7.0/24": 16} {
		in := netip.MustParsePrefix(text).Masked()
		for range 200 {
			ip, found := freeAddress(in, none)
			if !found || !in.Contains(ip) || !services.AddressAt(in, chosen-1).Less(ip) {
				t.Fatalf("got %s, which is in the first %d of %s", ip, chosen, in)
			}
		}
	}
	last := addressClaim(services.KubernetesIP(services.DefaultRange).Next())
	ip, found := freeAddress(services.DefaultRange, func(claim string) bool { return claim != last })
	if !found || addressClaim(ip) != last {
		t.Errorf("the only free address is %s, and it found %s", last, ip)
	}
	if _, found := freeAddress(services.DefaultRange, func(string) bool { return true }); found {
		t.Error("it found an address though all are taken")
	}
}

func TestWhatIsTakenOrOutsideTheRangeCannotBeClaimed(t *testing.T) {
	for _, c := range []struct {
		what string
		edit func(*corev1.Service)
		want string
	}{
		{"taken", func(*corev1.Service) {},
			`spec.clusterIPs: Invalid value: ["10.96.3.7"]: failed to allocate IP 10.96.3.7: provided IP is already allocated`},
		{"outside", func(s *corev1.Service) { s.Spec.ClusterIP, s.Spec.ClusterIPs = "10.1.1.1", []string{"10.1.1.1"} },
			`spec.clusterIPs: Invalid value: ["10.1.1.1"]: failed to allocate IP 10.1.1.1: ` +
				`the provided IP (10.1.1.1) is not in the valid range. The range of valid IPs is 10.96.0.0/16`},
		{"port taken", func(s *corev1.Service) { nodePort(s); s.Spec.ClusterIP = "None" },
			"spec.ports[0].nodePort: Invalid value: 30080: provided port is already allocated"},
		{"port outside", func(s *corev1.Service) { nodePort(s); s.Spec.ClusterIP, s.Spec.Ports[0].NodePort = "None", 80 },
			"spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767"},
	} {
		_, err := claim(web(c.edit), func(claim string) bool {
			return slices.Contains([]string{"clusterip/10.96.3.7", "nodeport/TCP/30080"}, claim)
		})
		if !apierrors.IsInvalid(err) {
			t.Errorf("%s: got %v, want Invalid", c.what, err)
			continue
		}
		check(t, c.what, err.Error(), `Service "web" is invalid: `+c.want)
	}
}

func TestAnUpdateThatDoesNotMentionWhatWasAllocatedKeepsIt(t *testing.T) {
	s := web(func(s *corev1.Service) {
		s.Spec.ClusterIP, s.Spec.ClusterIPs, s.Spec.Type = "", nil, corev1.ServiceTypeNodePort
	})
	keepAllocated(s, web(nodePort))
	check(t, "spec", s.Spec, web(nodePort).Spec)
	check(t, "errors", validateServiceUpdate(s, web(nodePort)), nil)
}

func TestAnAddressMayNotChange(t *testing.T) {
	s := web(func(s *corev1.Service) { s.Spec.ClusterIP, s.Spec.ClusterIPs = "10.96.3.8", []string{"10.96.3.8"} })
	keepAllocated(s, web())
	errs := validateServiceUpdate(s, web())
	check(t, "errors", errs.ToAggregate().Error(), `spec.clusterIPs[0]: Invalid value: ["10.96.3.8"]: may not change once set`)
}

func TestAnotherTypeGivesBackWhatItDoesNotNeed(t *testing.T) {
	s := web(func(s *corev1.Service) {
		nodePort(s)
		setDefaults(s)
		s.Spec.Type = corev1.ServiceTypeClusterIP
	})
	keepAllocated(s, web(nodePort))
	check(t, "a node port becomes internal", s.Spec, web().Spec)
	check(t, "problems", problems(s), []string{})

	s = web(func(s *corev1.Service) {
		s.Spec.Type, s.Spec.ExternalName = corev1.ServiceTypeExternalName, "example.org"
	})
	keepAllocated(s, web())
	check(t, "an internal one becomes an alias", problems(s), []string{})
	claims, err := claim(s, none)
	must(t, err)
	check(t, "claims of an alias", claims, nil)
}

func TestABalancersClassGoesWithItsType(t *testing.T) {
	balancer := web(func(s *corev1.Service) {
		s.Spec.Type, s.Spec.LoadBalancerClass = corev1.ServiceTypeLoadBalancer, new("example.com/fast")
		setDefaults(s)
	})
	s := balancer.DeepCopy()
	s.Spec.Type = corev1.ServiceTypeClusterIP
	keepAllocated(s, balancer)
	check(t, "problems", problems(s), []string{})
	check(t, "problems of a class that is set without the type", problems(web(func(s *corev1.Service) { s.Spec.LoadBalancerClass = new("fast") })),
		[]string{"spec.loadBalancerClass: Forbidden: may only be used when `type` is 'LoadBalancer'"})
}

func TestAnAffinityThatIsHalfGivenIsFilledInAndOneThatIsTakenOffIsGone(t *testing.T) {
	for _, half := range []*corev1.SessionAffinityConfig{nil, {}, {ClientIP: &corev1.ClientIPConfig{}}} {
		s := web(func(s *corev1.Service) {
			sticky(s)
			s.Spec.SessionAffinityConfig = half
			setDefaults(s)
		})
		check(t, "problems", problems(s), []string{})
		check(t, "seconds", *s.Spec.SessionAffinityConfig.ClientIP.TimeoutSeconds, 10800)
		s.Spec.SessionAffinity = corev1.ServiceAffinityNone // all that a patch says
		setDefaults(s)
		check(t, "problems of a service that is sticky no more", problems(s), []string{})
		check(t, "spec", s.Spec, web().Spec)
	}
}

func TestTheColumnsOfAServiceAreThoseOfKubectl(t *testing.T) {
	row := func(s *corev1.Service) string {
		var cells []string
		for _, column := range serviceType.Columns {
			if column.Name != "Age" {
				cells = append(cells, column.Value(s).(string))
			}
		}
		return strings.Join(cells, " ")
	}
	check(t, "internal", row(web()), "ClusterIP 10.96.3.7 <none> 80/TCP app=web")
	check(t, "node port", row(web(nodePort)), "NodePort 10.96.3.7 <none> 80:30080/TCP app=web")
	check(t, "headless", row(web(headless)), "ClusterIP None <none> 80/TCP app=web")
	check(t, "balanced", row(web(func(s *corev1.Service) { s.Spec.Type = corev1.ServiceTypeLoadBalancer })),
		"LoadBalancer 10.96.3.7 <pending> 80/TCP app=web")
	check(t, "alias", row(web(func(s *corev1.Service) {
		s.Spec = corev1.ServiceSpec{Type: corev1.ServiceTypeExternalName, ExternalName: "example.org"}
	})), "ExternalName <none> example.org <none> <none>")
}

func TestASliceShowsThreeOfItsEndpoints(t *testing.T) {
	slice := sliceOf("10.244.1.1", "10.244.1.2", "10.244.1.3", "10.244.1.4")
	check(t, "endpoints", sliceAddresses(slice), any("10.244.1.1,10.244.1.2,10.244.1.3 + 1 more..."))
	check(t, "ports", slicePorts(slice), any("8080"))
	check(t, "nothing", slicePorts(&discoveryv1.EndpointSlice{}), any("<unset>"))
}

func TestASliceCannotLeadToANodesLoopback(t *testing.T) {
	for ip, want := range map[string]int{"10.244.1.5": 0, "127.0.0.1": 1, "169.254.169.254": 1, "0.0.0.0": 1, "fd00::1": 1, "web": 1} {
		errs := validateSlice(sliceOf(ip))
		check(t, "errors for "+ip, len(errs), want)
	}
}
