package services

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

var thisNode = Node{
	Name: "node-1", IP: netip.MustParseAddr("172.30.0.11"), PodCIDR: netip.MustParsePrefix("10.244.1.0/24"),
}

// web is a service at 10.96.3.7:80 in front of port 8080 of its pods, changed by edits.
func web(edits ...func(*corev1.Service)) *corev1.Service {
	s := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", UID: "web-uid"},
		Spec: corev1.ServiceSpec{
			ClusterIP: "10.96.3.7", ClusterIPs: []string{"10.96.3.7"}, Selector: map[string]string{"app": "web"},
			Ports: []corev1.ServicePort{{Protocol: corev1.ProtocolTCP, Port: 80, TargetPort: intstr.FromInt32(8080)}},
			Type:  corev1.ServiceTypeClusterIP,
		},
	}
	for _, edit := range edits {
		edit(s)
	}
	return s
}

func nodePort(s *corev1.Service) {
	s.Spec.Type, s.Spec.Ports[0].NodePort = corev1.ServiceTypeNodePort, 30080
}
func headless(s *corev1.Service)   { s.Spec.ClusterIP, s.Spec.ClusterIPs = "None", []string{"None"} }
func sticky(s *corev1.Service)     { s.Spec.SessionAffinity = corev1.ServiceAffinityClientIP }
func nameServer(s *corev1.Service) { s.Spec.Ports[0].Protocol = corev1.ProtocolUDP }
func localInside(s *corev1.Service) {
	s.Spec.InternalTrafficPolicy = new(corev1.ServiceInternalTrafficPolicyLocal)
}
func localOutside(s *corev1.Service) {
	s.Spec.ExternalTrafficPolicy = corev1.ServiceExternalTrafficPolicyLocal
}

// at makes an endpoint on a node in one of three states.
func at(ip, node, state string) discoveryv1.Endpoint {
	e := discoveryv1.Endpoint{Addresses: []string{ip}, NodeName: &node}
	e.Conditions.Ready = new(state == "ready")
	e.Conditions.Serving = new(state == "ready" || state == "leaving")
	e.Conditions.Terminating = new(state == "leaving")
	return e
}

// behind makes the slice of a service's endpoints at port 8080.
func behind(s *corev1.Service, endpoints ...discoveryv1.Endpoint) []*discoveryv1.EndpointSlice {
	port := s.Spec.Ports[0]
	return []*discoveryv1.EndpointSlice{{
		ObjectMeta:  metav1.ObjectMeta{Namespace: s.Namespace, Name: s.Name + "-1", Labels: sliceLabels(s)},
		AddressType: discoveryv1.AddressTypeIPv4, Endpoints: endpoints,
		Ports: []discoveryv1.EndpointPort{{Name: &port.Name, Port: new(int32(8080)), Protocol: &port.Protocol}},
	}}
}

// planned prints the plan for a service as text: "address/protocol: backend backend".
func planned(s *corev1.Service, endpoints []*discoveryv1.EndpointSlice) []string {
	texts := []string{}
	for _, f := range PlanFrontends(s, endpoints, thisNode) {
		text := fmt.Sprintf("%s/%s:", f.Address, f.Protocol)
		for _, b := range f.Backends {
			text += " " + b.Address.String()
		}
		texts = append(texts, text)
	}
	return texts
}

func check[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestAServiceLeadsToItsReadyEndpointsOnly(t *testing.T) {
	s := web()
	slices := behind(s,
		at("10.244.1.5", "node-1", "ready"), at("10.244.2.5", "node-2", "ready"),
		at("10.244.2.6", "node-2", "starting"), at("10.244.2.7", "node-2", "leaving"))
	check(t, "plan", planned(s, slices), []string{"10.96.3.7:80/tcp: 10.244.1.5:8080 10.244.2.5:8080"})
}

func TestWhenNoEndpointIsReadyThoseThatAreLeavingStillServe(t *testing.T) {
	s := web()
	slices := behind(s, at("10.244.2.6", "node-2", "starting"), at("10.244.2.7", "node-2", "leaving"))
	check(t, "plan", planned(s, slices), []string{"10.96.3.7:80/tcp: 10.244.2.7:8080"})
}

func TestAConditionThatIsNotToldCountsAsReady(t *testing.T) {
	s := web()
	slices := behind(s, discoveryv1.Endpoint{Addresses: []string{"172.30.0.2"}})
	check(t, "plan", planned(s, slices), []string{"10.96.3.7:80/tcp: 172.30.0.2:8080"})
}

func TestANodePortIsOneMoreAddressOfTheService(t *testing.T) {
	s := web(nodePort)
	slices := behind(s, at("10.244.1.5", "node-1", "ready"))
	check(t, "plan", planned(s, slices), []string{
		"10.96.3.7:80/tcp: 10.244.1.5:8080",
		"172.30.0.11:30080/tcp: 10.244.1.5:8080",
	})
}

func TestAPolicyOfLocalKeepsTrafficOnTheNode(t *testing.T) {
	here, there := at("10.244.1.5", "node-1", "ready"), at("10.244.2.5", "node-2", "ready")
	s := web(nodePort, localOutside)
	check(t, "from outside", planned(s, behind(s, here, there)), []string{
		"10.96.3.7:80/tcp: 10.244.1.5:8080 10.244.2.5:8080",
		"172.30.0.11:30080/tcp: 10.244.1.5:8080",
	})
	s = web(nodePort, localInside)
	check(t, "from inside", planned(s, behind(s, here, there)), []string{
		"10.96.3.7:80/tcp: 10.244.1.5:8080",
		"172.30.0.11:30080/tcp: 10.244.1.5:8080 10.244.2.5:8080",
	})
}

func TestHeadlessServicesAndAliasesNeedNoRules(t *testing.T) {
	s := web(headless)
	check(t, "headless", planned(s, behind(s, at("10.244.1.5", "node-1", "ready"))), []string{})
	alias := web(func(s *corev1.Service) {
		s.Spec.Type, s.Spec.ExternalName, s.Spec.ClusterIP = corev1.ServiceTypeExternalName, "example.org", ""
	})
	check(t, "alias", planned(alias, nil), []string{})
	check(t, "gone", planned(nil, nil), []string{})
}

func TestAPortOfAServiceMeetsThePortsOfASliceByName(t *testing.T) {
	s := web(func(s *corev1.Service) {
		s.Spec.Ports = []corev1.ServicePort{
			{Name: "http", Protocol: corev1.ProtocolTCP, Port: 80}, {Name: "metrics", Protocol: corev1.ProtocolTCP, Port: 9090},
		}
	})
	slices := behind(s, at("10.244.1.5", "node-1", "ready"))
	slices[0].Ports = []discoveryv1.EndpointPort{{Name: new("metrics"), Port: new(int32(2112)), Protocol: new(corev1.ProtocolTCP)}}
	check(t, "plan", planned(s, slices), []string{
		"10.96.3.7:80/tcp:",
		"10.96.3.7:9090/tcp: 10.244.1.5:2112",
	})
}

func TestAnEndpointThatMovesBetweenSlicesCountsOnce(t *testing.T) {
	s := web()
	slices := append(behind(s, at("10.244.1.5", "node-1", "starting")), behind(s, at("10.244.1.5", "node-1", "ready"))...)
	check(t, "plan", planned(s, slices), []string{"10.96.3.7:80/tcp: 10.244.1.5:8080"})
}
