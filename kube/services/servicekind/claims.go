package servicekind

import (
	"fmt"
	"math/rand/v2"
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"kubelab/kube/api"
	"kubelab/kube/services"
)

// The ports at which nodes open services to the outside.
const (
	firstNodePort = 30000
	lastNodePort  = 32767
)

// Of addresses and of ports, the first ones are left to people who ask for a certain one, so that a random one is
// rarely in their way (KEP-3070, KEP-3668).
const chosenPorts = 86

func chosenAddresses(in netip.Prefix) int { return min(max(16, size(in)/16), 256) }

// size is how many addresses a range has.
func size(in netip.Prefix) int { return 1 << (32 - in.Bits()) }

// claimFrom makes what gives a service its address and node ports, those that it asks for and any where it leaves the choice.
// Two services that claim the same one are an error.
func claimFrom(in netip.Prefix) func(*corev1.Service, api.Taken) ([]string, error) {
	return func(s *corev1.Service, taken api.Taken) ([]string, error) {
		var claims []string
		if hasAddress(s) {
			c, err := claimAddress(in, s, taken)
			if err != nil {
				return nil, err
			}
			claims = append(claims, c)
		}
		ports, err := claimNodePorts(s, taken)
		return append(claims, ports...), err
	}
}

// hasAddress says whether the service has an address of its own: it is neither headless nor a mere alias.
func hasAddress(s *corev1.Service) bool {
	return s.Spec.Type != corev1.ServiceTypeExternalName && s.Spec.ClusterIP != corev1.ClusterIPNone
}

// hasNodePorts says whether every node opens ports for the service.
func hasNodePorts(s *corev1.Service) bool {
	switch s.Spec.Type {
	case corev1.ServiceTypeNodePort:
		return true
	case corev1.ServiceTypeLoadBalancer:
		allocate := s.Spec.AllocateLoadBalancerNodePorts
		return allocate == nil || *allocate
	}
	return false
}

func addressClaim(ip netip.Addr) string { return "clusterip/" + ip.String() }

func portClaim(protocol corev1.Protocol, port int32) string {
	return fmt.Sprintf("nodeport/%s/%d", protocol, port)
}

func claimAddress(in netip.Prefix, s *corev1.Service, taken api.Taken) (string, error) {
	if s.Spec.ClusterIP == "" {
		ip, found := freeAddress(in, taken)
		if !found {
			return "", invalid(s, field.InternalError(field.NewPath("spec", "clusterIPs"),
				fmt.Errorf("failed to allocate a serviceIP: range is full")))
		}
		s.Spec.ClusterIP, s.Spec.ClusterIPs = ip.String(), []string{ip.String()}
		return addressClaim(ip), nil
	}
	refuse := func(why string) (string, error) {
		return "", invalid(s, field.Invalid(field.NewPath("spec", "clusterIPs"), s.Spec.ClusterIPs,
			fmt.Sprintf("failed to allocate IP %s: %s", s.Spec.ClusterIP, why)))
	}
	ip, err := netip.ParseAddr(s.Spec.ClusterIP)
	switch {
	case err != nil:
		return refuse("it is not a valid IP address")
	case !in.Contains(ip):
		return refuse(fmt.Sprintf("the provided IP (%s) is not in the valid range. The range of valid IPs is %s", ip, in))
	case ip == services.DNSIP(in), taken(addressClaim(ip)):
		return refuse("provided IP is already allocated")
	}
	return addressClaim(ip), nil
}

// freeAddress is a random address of the range, from its first part only when the rest is used up. The first
// and the last address are nobody's.
func freeAddress(in netip.Prefix, taken api.Taken) (netip.Addr, bool) {
	n, found := freeNumber(1, chosenAddresses(in), size(in)-2, func(n int) bool { return taken(addressClaim(services.AddressAt(in, n))) })
	return services.AddressAt(in, n), found
}

// freeNumber looks for a number that is not taken: from a random place in middle…last onwards and around, then
// in first…middle-1.
func freeNumber(first, middle, last int, taken func(int) bool) (int, bool) {
	size := last - middle + 1
	start := rand.IntN(size)
	for i := range size {
		if n := middle + (start+i)%size; !taken(n) {
			return n, true
		}
	}
	for n := first; n < middle; n++ {
		if !taken(n) {
			return n, true
		}
	}
	return 0, false
}

// claimNodePorts claims those that are given, before it looks for more: a random one must not be the one that the
// next port asks for.
func claimNodePorts(s *corev1.Service, taken api.Taken) ([]string, error) {
	var claims []string
	mine := map[string]bool{}
	for i, port := range s.Spec.Ports {
		if port.NodePort == 0 || s.Spec.Type == corev1.ServiceTypeClusterIP || s.Spec.Type == corev1.ServiceTypeExternalName {
			continue
		}
		path := field.NewPath("spec", "ports").Index(i).Child("nodePort")
		c := portClaim(port.Protocol, port.NodePort)
		switch {
		case port.NodePort < firstNodePort || port.NodePort > lastNodePort:
			return nil, invalid(s, field.Invalid(path, port.NodePort, fmt.Sprintf(
				"provided port is not in the valid range. The range of valid ports is %d-%d", firstNodePort, lastNodePort)))
		case taken(c):
			return nil, invalid(s, field.Invalid(path, port.NodePort, "provided port is already allocated"))
		}
		claims, mine[c] = append(claims, c), true
	}
	if !hasNodePorts(s) {
		return claims, nil
	}
	for i := range s.Spec.Ports {
		port := &s.Spec.Ports[i]
		if port.NodePort != 0 {
			continue
		}
		n, found := freeNumber(firstNodePort, firstNodePort+chosenPorts, lastNodePort, func(n int) bool {
			c := portClaim(port.Protocol, int32(n))
			return mine[c] || taken(c)
		})
		if !found {
			return nil, invalid(s, field.InternalError(field.NewPath("spec", "ports").Index(i).Child("nodePort"),
				fmt.Errorf("failed to allocate a nodePort: range is full")))
		}
		port.NodePort = int32(n)
		c := portClaim(port.Protocol, port.NodePort)
		claims, mine[c] = append(claims, c), true
	}
	return claims, nil
}

func invalid(s *corev1.Service, err *field.Error) error {
	return apierrors.NewInvalid(corev1.SchemeGroupVersion.WithKind("Service").GroupKind(), s.Name, field.ErrorList{err})
}
