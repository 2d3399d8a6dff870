package servicekind

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"kubelab/kube/api"
	"kubelab/kube/services"
)

// Kinds are Service and EndpointSlice, in a cluster with the default range.
var Kinds = KindsIn(services.DefaultRange)

// KindsIn are the same kinds in a cluster whose services have the addresses of another range.
func KindsIn(in netip.Prefix) []api.Kind {
	kind := serviceType
	kind.Claim = claimFrom(in)
	return []api.Kind{kind.Kind(), endpointSliceKind}
}

var serviceType = api.Type[*corev1.Service]{
	Names: api.Names{
		Plural: "services", Short: []string{"svc"}, Categories: []string{"all"}, Namespaced: true, HasStatus: true,
		NameRule: apivalidation.NameIsDNS1035Label,
	},
	Default:        setDefaults,
	Prepare:        keepAllocated,
	Validate:       validateService,
	ValidateUpdate: validateServiceUpdate,
	Warn:           warnings,
	Columns: []api.ColumnOf[*corev1.Service]{
		{Name: "Type", Type: "string", Value: func(s *corev1.Service) any { return string(s.Spec.Type) }},
		{Name: "Cluster-IP", Type: "string", Value: func(s *corev1.Service) any { return api.OrNone(s.Spec.ClusterIP) }},
		{Name: "External-IP", Type: "string", Value: func(s *corev1.Service) any { return outsideAddress(s) }},
		{Name: "Port(s)", Type: "string", Value: func(s *corev1.Service) any { return portList(s) }},
		api.AgeColumn[*corev1.Service](),
		{Name: "Selector", Type: "string", Wide: true, Value: func(s *corev1.Service) any { return labels.FormatLabels(s.Spec.Selector) }},
	},
}

func setDefaults(s *corev1.Service) {
	spec := &s.Spec
	setIfEmpty(&spec.Type, corev1.ServiceTypeClusterIP)
	setIfEmpty(&spec.SessionAffinity, corev1.ServiceAffinityNone)
	switch spec.SessionAffinity {
	case corev1.ServiceAffinityNone: // what is left of an affinity that was
		spec.SessionAffinityConfig = nil
	case corev1.ServiceAffinityClientIP:
		setIfNil(&spec.SessionAffinityConfig, corev1.SessionAffinityConfig{})
		setIfNil(&spec.SessionAffinityConfig.ClientIP, corev1.ClientIPConfig{})
		setIfNil(&spec.SessionAffinityConfig.ClientIP.TimeoutSeconds, corev1.DefaultClientIPServiceAffinitySeconds)
	}
	for i := range spec.Ports {
		port := &spec.Ports[i]
		setIfEmpty(&port.Protocol, corev1.ProtocolTCP)
		if port.TargetPort == intstr.FromInt32(0) || port.TargetPort == intstr.FromString("") {
			port.TargetPort = intstr.FromInt32(port.Port)
		}
	}
	if spec.Type == corev1.ServiceTypeExternalName {
		return
	}
	setIfNil(&spec.InternalTrafficPolicy, corev1.ServiceInternalTrafficPolicyCluster)
	setIfNil(&spec.IPFamilyPolicy, corev1.IPFamilyPolicySingleStack)
	if len(spec.IPFamilies) == 0 {
		spec.IPFamilies = []corev1.IPFamily{corev1.IPv4Protocol}
	}
	if spec.ClusterIP != "" && len(spec.ClusterIPs) == 0 {
		spec.ClusterIPs = []string{spec.ClusterIP}
	}
	if isOpenOutside(s) {
		setIfEmpty(&spec.ExternalTrafficPolicy, corev1.ServiceExternalTrafficPolicyCluster)
	}
	if spec.Type == corev1.ServiceTypeLoadBalancer {
		setIfNil(&spec.AllocateLoadBalancerNodePorts, true)
	}
}

// isOpenOutside says whether the service is for clients outside the cluster too.
func isOpenOutside(s *corev1.Service) bool {
	return s.Spec.Type == corev1.ServiceTypeNodePort || s.Spec.Type == corev1.ServiceTypeLoadBalancer
}

// keepAllocated fills in, on an update, what was allocated before and the update does not mention, and drops what was
// allocated for the type that the service had. old is nil on create.
func keepAllocated(s, old *corev1.Service) {
	if old == nil {
		return
	}
	if hasAddress(old) && s.Spec.Type != corev1.ServiceTypeExternalName && s.Spec.ClusterIP == "" {
		s.Spec.ClusterIP, s.Spec.ClusterIPs = old.Spec.ClusterIP, old.Spec.ClusterIPs
	}
	same := s.Spec.ClusterIP == old.Spec.ClusterIP
	switch {
	case s.Spec.Type == corev1.ServiceTypeExternalName && old.Spec.Type != corev1.ServiceTypeExternalName && same:
		s.Spec.ClusterIP, s.Spec.ClusterIPs = "", nil
		s.Spec.InternalTrafficPolicy, s.Spec.IPFamilies, s.Spec.IPFamilyPolicy = nil, nil, nil
	case !same && slices.Equal(s.Spec.ClusterIPs, old.Spec.ClusterIPs) && s.Spec.ClusterIP != "":
		s.Spec.ClusterIPs = []string{s.Spec.ClusterIP}
	}
	keepNodePorts(s, old)
	if isOpenOutside(old) && !isOpenOutside(s) && s.Spec.ExternalTrafficPolicy == old.Spec.ExternalTrafficPolicy {
		s.Spec.ExternalTrafficPolicy = ""
	}
	if s.Spec.Type != corev1.ServiceTypeLoadBalancer && old.Spec.Type == corev1.ServiceTypeLoadBalancer {
		s.Spec.AllocateLoadBalancerNodePorts = nil
		if ptr.Equal(s.Spec.LoadBalancerClass, old.Spec.LoadBalancerClass) {
			s.Spec.LoadBalancerClass = nil
		}
	}
}

func keepNodePorts(s, old *corev1.Service) {
	for i := range s.Spec.Ports {
		port := &s.Spec.Ports[i]
		for _, before := range old.Spec.Ports {
			if before.Port != port.Port || before.Protocol != port.Protocol || before.NodePort == 0 {
				continue
			}
			switch {
			case hasNodePorts(s) && port.NodePort == 0 && !usesNodePort(s, before):
				port.NodePort = before.NodePort
			case !isOpenOutside(s) && isOpenOutside(old) && port.NodePort == before.NodePort:
				port.NodePort = 0
			}
		}
	}
}

func usesNodePort(s *corev1.Service, wanted corev1.ServicePort) bool {
	return slices.ContainsFunc(s.Spec.Ports, func(p corev1.ServicePort) bool {
		return p.NodePort == wanted.NodePort && p.Protocol == wanted.Protocol
	})
}

// outsideAddress is what a client outside the cluster would ask for. Nobody gives a load balancer its address in this
// cluster, unless a program that is added to it does.
func outsideAddress(s *corev1.Service) string {
	switch s.Spec.Type {
	case corev1.ServiceTypeExternalName:
		return s.Spec.ExternalName
	case corev1.ServiceTypeLoadBalancer:
		var addresses []string
		for _, ingress := range s.Status.LoadBalancer.Ingress {
			addresses = append(addresses, ingress.IP+ingress.Hostname)
		}
		if len(addresses) == 0 {
			return "<pending>"
		}
		return strings.Join(addresses, ",")
	}
	return "<none>"
}

func portList(s *corev1.Service) string {
	texts := make([]string, len(s.Spec.Ports))
	for i, port := range s.Spec.Ports {
		texts[i] = fmt.Sprintf("%d/%s", port.Port, port.Protocol)
		if port.NodePort != 0 {
			texts[i] = fmt.Sprintf("%d:%d/%s", port.Port, port.NodePort, port.Protocol)
		}
	}
	return api.Join(texts)
}

func setIfEmpty[T ~string](field *T, value T) {
	if *field == "" {
		*field = value
	}
}

func setIfNil[T any](field **T, value T) {
	if *field == nil {
		*field = &value
	}
}
