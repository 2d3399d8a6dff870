package services

import (
	"cmp"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

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
		key += portSet(fmt.Sprintf("%s/%s/%d/%s;", deref(p.Name), deref(p.Protocol), deref(p.Port), deref(p.AppProtocol)))
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
	serving := isReady(pod)
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

func isReady(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
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
	for _, containers := range [][]corev1.Container{pod.Spec.Containers, pod.Spec.InitContainers} { // a sidecar is an init container
		for _, container := range containers {
			for _, port := range container.Ports {
				if port.Name == name && cmp.Or(port.Protocol, corev1.ProtocolTCP) == protocol {
					return port.ContainerPort
				}
			}
		}
	}
	return 0
}
