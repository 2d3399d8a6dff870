package subresources

import (
	"fmt"
	"net/netip"

	corev1 "k8s.io/api/core/v1"
)

// usualKubeletPort is where a kubelet listens that does not say.
const usualKubeletPort = 10250

// PlanKubelet is where the kubelet of a node is asked: at the first internal address of its status. A node writes its own status,
// and the API server reaches more than the node does: its own host's loopback, links of the cloud's, whole groups. So only an
// address of one other host will do, written as a number. That whoever answers there is the node's kubelet, its certificate
// has to show.
func PlanKubelet(node *corev1.Node) (netip.AddrPort, error) {
	port := node.Status.DaemonEndpoints.KubeletEndpoint.Port
	if port == 0 {
		port = usualKubeletPort
	}
	if port < 1 || port > 65535 {
		return netip.AddrPort{}, fmt.Errorf("the port %d of its kubelet is none", port)
	}
	for _, address := range node.Status.Addresses {
		if address.Type != corev1.NodeInternalIP {
			continue
		}
		ip, err := netip.ParseAddr(address.Address)
		if err != nil {
			return netip.AddrPort{}, fmt.Errorf("its address %q is no IP address", address.Address)
		}
		if ip = ip.Unmap(); !ofOneHost(ip) {
			return netip.AddrPort{}, fmt.Errorf("its address %s is not that of another host", ip)
		}
		return netip.AddrPortFrom(ip, uint16(port)), nil
	}
	return netip.AddrPort{}, fmt.Errorf("it has no InternalIP")
}

// ofOneHost says whether an address can lead to one other host, the same from everywhere in the cluster.
func ofOneHost(ip netip.Addr) bool {
	broadcast := ip.Is4() && (ip.As4()[0] == 0 || ip.As4()[0] >= 240) // 240/4 is reserved, its last address is everybody
	return !broadcast && !ip.IsUnspecified() && !ip.IsLoopback() && !ip.IsMulticast() && !ip.IsLinkLocalUnicast() && ip.Zone() == ""
}
