package podspec

import (
	"cmp"

	corev1 "k8s.io/api/core/v1"
)

// anyIP is the address of a port that is open on all of a node's addresses.
const anyIP = "0.0.0.0"

// HostPort is a port of the node itself that a pod asks for. Equal ones are the same port.
type HostPort struct {
	Protocol corev1.Protocol
	Port     int32
	IP       string // 0.0.0.0: on all of the node's addresses
}

// HostPorts are the ports of its node that a pod asks for, in the order of its spec. Those of an init container do not count: they are free again when the
// pod's work begins.
func HostPorts(spec *corev1.PodSpec) []HostPort {
	var ports []HostPort
	for _, m := range Members(spec) {
		for _, port := range m.Ports {
			if port.HostPort > 0 && m.Role != Init {
				ports = append(ports, HostPort{cmp.Or(port.Protocol, corev1.ProtocolTCP), port.HostPort, cmp.Or(port.HostIP, anyIP)})
			}
		}
	}
	return ports
}

// Collides is whether two pods of one node cannot have both ports.
func (p HostPort) Collides(other HostPort) bool {
	return p.Protocol == other.Protocol && p.Port == other.Port && (p.IP == other.IP || p.IP == anyIP || other.IP == anyIP)
}
