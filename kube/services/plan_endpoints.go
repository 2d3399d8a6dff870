package services

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"kubelab/kube/api"
	"kubelab/kube/api/podspec"
)

// believable parts the pods whose address others may be sent to from those whose is not: a node says itself what addresses its pods have, and one
// that was broken into might name any. It is believed what lies in its own range, and for a pod on the host's network an address of the node.
func believable(pods []*corev1.Pod, nodes map[string]*corev1.Node) (believed, doubted []*corev1.Pod) {
	for _, pod := range pods {
		if pod.Status.PodIP != "" && !isOwnAddress(pod, nodes[pod.Spec.NodeName]) {
			doubted = append(doubted, pod)
		} else {
			believed = append(believed, pod)
		}
	}
	return believed, doubted
}

// isOwnAddress says whether a pod's address is one of its node's to give. The node may be nil: then it is not known which these are.
func isOwnAddress(pod *corev1.Pod, node *corev1.Node) bool {
	ip, err := netip.ParseAddr(pod.Status.PodIP)
	if err != nil || !ip.Is4() || ip.IsUnspecified() || ip.IsLoopback() || ip.IsLinkLocalUnicast() || ip.IsMulticast() {
		return false // no slice can have it
	}
	if node == nil {
		return true
	}
	if pod.Spec.HostNetwork {
		return slices.ContainsFunc(node.Status.Addresses, func(a corev1.NodeAddress) bool { return a.Address == pod.Status.PodIP })
	}
	cidr, err := netip.ParsePrefix(node.Spec.PodCIDR)
	return err != nil || cidr.Contains(ip)
}

// group is what is wanted of the pods that have the same ports.
type group struct {
	ports     []discoveryv1.EndpointPort
	endpoints map[string]discoveryv1.Endpoint // by address
}

// portSet is a set of ports in a form that can be compared. Pods of one service differ in it if the service names
// its target port, and the pods give different numbers to the name. A slice has one set for all its endpoints.
type portSet string

func keyOf(ports []discoveryv1.EndpointPort) portSet {
	var key portSet
	for _, p := range ports {
		key += portSet(fmt.Sprintf("%s/%s/%d/%s;", ptr.Deref(p.Name, ""), ptr.Deref(p.Protocol, ""), ptr.Deref(p.Port, 0), ptr.Deref(p.AppProtocol, "")))
	}
	return key
}

// wantedEndpoints are the endpoints of the selected pods, in groups with the same ports.
func wantedEndpoints(service *corev1.Service, pods []*corev1.Pod) map[portSet]*group {
	groups := map[portSet]*group{}
	for _, pod := range pods {
		if pod.Status.PodIP == "" || pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
			continue
		}
		ports := portsOf(service, pod)
		key := keyOf(ports)
		if groups[key] == nil {
			groups[key] = &group{ports: ports, endpoints: map[string]discoveryv1.Endpoint{}}
		}
		groups[key].endpoints[pod.Status.PodIP] = endpointOf(service, pod)
	}
	return groups
}

// endpointOf tells what others must know of a pod: where it is, and whether to send it anything.
func endpointOf(service *corev1.Service, pod *corev1.Pod) discoveryv1.Endpoint {
	_, serving := api.PodReady(pod)
	terminating := pod.DeletionTimestamp != nil
	endpoint := discoveryv1.Endpoint{
		Addresses: []string{pod.Status.PodIP},
		Conditions: discoveryv1.EndpointConditions{
			Ready:       new(service.Spec.PublishNotReadyAddresses || serving && !terminating),
			Serving:     &serving,
			Terminating: &terminating,
		},
		TargetRef: &corev1.ObjectReference{Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID},
	}
	if pod.Spec.NodeName != "" {
		endpoint.NodeName = new(pod.Spec.NodeName)
	}
	if pod.Spec.Hostname != "" && pod.Spec.Subdomain == service.Name {
		endpoint.Hostname = new(pod.Spec.Hostname)
	}
	return endpoint
}

// portsOf are the service's ports as this pod has them. A port name that the pod does not have is left out.
func portsOf(service *corev1.Service, pod *corev1.Pod) []discoveryv1.EndpointPort {
	var ports []discoveryv1.EndpointPort
	for _, port := range service.Spec.Ports {
		number := port.TargetPort.IntVal
		if port.TargetPort.Type == intstr.String {
			number = namedPort(pod, port.TargetPort.StrVal, port.Protocol)
		}
		if number != 0 {
			ports = append(ports, discoveryv1.EndpointPort{
				Name: new(port.Name), Port: &number, Protocol: new(port.Protocol), AppProtocol: port.AppProtocol,
			})
		}
	}
	return ports
}

func namedPort(pod *corev1.Pod, name string, protocol corev1.Protocol) int32 {
	for _, container := range podspec.Members(&pod.Spec) {
		for _, port := range container.Ports {
			if container.Role != podspec.Init && port.Name == name && cmp.Or(port.Protocol, corev1.ProtocolTCP) == protocol {
				return port.ContainerPort
			}
		}
	}
	return 0
}
