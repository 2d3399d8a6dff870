package cri

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
)

// LinksServices is whether a pod's containers are told of the services of its namespace.
func LinksServices(pod *corev1.Pod) bool {
	return ptr.Deref(pod.Spec.EnableServiceLinks, corev1.DefaultEnableServiceLinks)
}

// setServices tells a program where services are, as Docker did for linked containers: older than cluster DNS, and still the way in which client
// libraries find the API server. Of two services with one name the later counts. A service without an address has none.
func (e *environment) setServices(services []*corev1.Service) {
	named := map[string]*corev1.Service{}
	for _, service := range services {
		if ip := service.Spec.ClusterIP; ip != "" && ip != corev1.ClusterIPNone && len(service.Spec.Ports) > 0 {
			named[service.Name] = service
		}
	}
	for _, key := range slices.Sorted(maps.Keys(named)) {
		service, name := named[key], variableName(key)
		ip := service.Spec.ClusterIP
		e.set(name+"_SERVICE_HOST", ip)
		e.set(name+"_SERVICE_PORT", portNumber(service.Spec.Ports[0]))
		for _, port := range service.Spec.Ports {
			if port.Name != "" {
				e.set(name+"_SERVICE_PORT_"+variableName(port.Name), portNumber(port))
			}
		}
		e.set(name+"_PORT", portAddress(ip, service.Spec.Ports[0]))
		for _, port := range service.Spec.Ports {
			link := fmt.Sprintf("%s_PORT_%d_%s", name, port.Port, protocolOf(port))
			e.set(link, portAddress(ip, port))
			e.set(link+"_PROTO", strings.ToLower(protocolOf(port)))
			e.set(link+"_PORT", portNumber(port))
			e.set(link+"_ADDR", ip)
		}
	}
}

// variableName is a name as one of a variable is written.
func variableName(name string) string { return strings.ToUpper(strings.ReplaceAll(name, "-", "_")) }

func protocolOf(port corev1.ServicePort) string {
	return string(cmp.Or(port.Protocol, corev1.ProtocolTCP))
}

func portNumber(port corev1.ServicePort) string { return strconv.Itoa(int(port.Port)) }

// portAddress is where a port is: tcp://10.96.0.1:443.
func portAddress(ip string, port corev1.ServicePort) string {
	return strings.ToLower(protocolOf(port)) + "://" + ip + ":" + portNumber(port)
}
