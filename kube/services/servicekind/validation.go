package servicekind

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metavalidation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"kubelab/kube/api"
)

var protocols = []corev1.Protocol{corev1.ProtocolSCTP, corev1.ProtocolTCP, corev1.ProtocolUDP}

// validateService says what is wrong with a service, after defaulting. Paths, reasons and wording are those of
// Kubernetes.
func validateService(s *corev1.Service) field.ErrorList {
	spec := field.NewPath("spec")
	errs := oneOf(s.Spec.Type, spec.Child("type"), corev1.ServiceTypeClusterIP,
		corev1.ServiceTypeExternalName, corev1.ServiceTypeLoadBalancer, corev1.ServiceTypeNodePort)
	errs = append(errs, validateAlias(s, spec)...)
	errs = append(errs, validateFamilies(s, spec)...)
	errs = append(errs, validateServicePorts(s, spec.Child("ports"))...)
	errs = append(errs, metavalidation.ValidateLabels(s.Spec.Selector, spec.Child("selector"))...)
	errs = append(errs, validateAffinity(&s.Spec, spec)...)
	errs = append(errs, validatePolicies(s, spec)...)
	// What decides who reaches a service, or whether, is refused rather than ignored.
	for _, missing := range []struct {
		field string
		used  bool
	}{
		{"externalIPs", len(s.Spec.ExternalIPs) > 0},
		{"healthCheckNodePort", s.Spec.HealthCheckNodePort != 0},
		{"loadBalancerSourceRanges", len(s.Spec.LoadBalancerSourceRanges) > 0},
		{"trafficDistribution", s.Spec.TrafficDistribution != nil},
	} {
		if missing.used {
			errs = append(errs, field.Forbidden(spec.Child(missing.field), api.NotYet))
		}
	}
	return errs
}

// validateAlias is about the two types that are not backed by an address: an alias, and a headless service.
func validateAlias(s *corev1.Service, spec *field.Path) field.ErrorList {
	var errs field.ErrorList
	headless := s.Spec.ClusterIP == corev1.ClusterIPNone
	switch {
	case s.Spec.Type == corev1.ServiceTypeExternalName:
		if len(s.Spec.ClusterIPs) > 0 || s.Spec.ClusterIP != "" {
			errs = append(errs, field.Forbidden(spec.Child("clusterIPs"), "may not be set for ExternalName services"))
		}
		name := strings.TrimSuffix(s.Spec.ExternalName, ".")
		if name == "" {
			return append(errs, field.Required(spec.Child("externalName"), ""))
		}
		return append(errs, invalidIf(validation.IsDNS1123Subdomain(name), s.Spec.ExternalName, spec.Child("externalName"))...)
	case headless && isOpenOutside(s):
		errs = append(errs, field.Invalid(spec.Child("clusterIPs").Index(0), corev1.ClusterIPNone,
			fmt.Sprintf("may not be set to 'None' for %s services", s.Spec.Type)))
	case len(s.Spec.Ports) == 0 && !headless:
		errs = append(errs, field.Required(spec.Child("ports"), ""))
	}
	return errs
}

// validateFamilies lets through what a cluster with IPv4 only can do.
func validateFamilies(s *corev1.Service, spec *field.Path) field.ErrorList {
	var errs field.ErrorList
	if policy := s.Spec.IPFamilyPolicy; policy != nil && *policy == corev1.IPFamilyPolicyRequireDualStack {
		errs = append(errs, field.Invalid(spec.Child("ipFamilyPolicy"), *policy, "this cluster is not configured for dual-stack services"))
	} else if policy != nil {
		errs = append(errs, oneOf(*policy, spec.Child("ipFamilyPolicy"), corev1.IPFamilyPolicyPreferDualStack,
			corev1.IPFamilyPolicyRequireDualStack, corev1.IPFamilyPolicySingleStack)...)
	}
	for i, family := range s.Spec.IPFamilies {
		if family != corev1.IPv4Protocol {
			errs = append(errs, field.Invalid(spec.Child("ipFamilies").Index(i), family, "not configured on this cluster"))
		}
	}
	path := spec.Child("clusterIPs")
	switch ips := s.Spec.ClusterIPs; {
	case len(ips) > 1:
		errs = append(errs, field.Invalid(path, ips, "may only hold up to 1 value on a cluster with one IP family"))
	case len(ips) == 0 && s.Spec.ClusterIP != "":
		errs = append(errs, field.Required(path, ""))
	case len(ips) == 1 && s.Spec.ClusterIP == "":
		errs = append(errs, field.Invalid(path, ips, "must be empty when `clusterIP` is not specified"))
	case len(ips) == 1 && ips[0] != s.Spec.ClusterIP:
		errs = append(errs, field.Invalid(path, ips, "first value must match `clusterIP`"))
	case len(ips) == 1 && ips[0] != corev1.ClusterIPNone:
		errs = append(errs, validation.IsValidIP(path.Index(0), ips[0])...)
	}
	return errs
}

// What a service may have. Each port is a row of rules on every node; one that nodes open to the outside is also a claim, and all claims that
// an update takes and gives back are in one transaction of etcd's.
const (
	maxPorts       = 1000
	maxOpenedPorts = 250
)

func maxPortsOf(s *corev1.Service) int {
	if hasNodePorts(s) {
		return maxOpenedPorts
	}
	return maxPorts
}

func validateServicePorts(s *corev1.Service, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if most := maxPortsOf(s); len(s.Spec.Ports) > most {
		return field.ErrorList{field.TooMany(path, len(s.Spec.Ports), most)}
	}
	names, numbers, nodePorts := sets.New[string](), sets.New[corev1.ServicePort](), sets.New[corev1.ServicePort]()
	for i, port := range s.Spec.Ports {
		path := path.Index(i)
		errs = append(errs, validatePort(port, len(s.Spec.Ports) > 1, path)...)
		if port.Name != "" && names.Has(port.Name) {
			errs = append(errs, field.Duplicate(path.Child("name"), port.Name))
		}
		names.Insert(port.Name)

		number := corev1.ServicePort{Protocol: port.Protocol, Port: port.Port}
		if numbers.Has(number) {
			errs = append(errs, field.Duplicate(path, number))
		}
		numbers.Insert(number)

		if port.NodePort == 0 {
			continue
		}
		if !isOpenOutside(s) {
			errs = append(errs, field.Forbidden(path.Child("nodePort"), fmt.Sprintf("may not be used when `type` is '%s'", s.Spec.Type)))
		}
		nodePort := corev1.ServicePort{Protocol: port.Protocol, NodePort: port.NodePort}
		if nodePorts.Has(nodePort) {
			errs = append(errs, field.Duplicate(path.Child("nodePort"), port.NodePort))
		}
		nodePorts.Insert(nodePort)
	}
	return errs
}

func validatePort(port corev1.ServicePort, needsName bool, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if port.Name != "" {
		errs = append(errs, invalidIf(validation.IsDNS1123Label(port.Name), port.Name, path.Child("name"))...)
	} else if needsName {
		errs = append(errs, field.Required(path.Child("name"), ""))
	}
	errs = append(errs, invalidIf(validation.IsValidPortNum(int(port.Port)), port.Port, path.Child("port"))...)
	errs = append(errs, oneOf(port.Protocol, path.Child("protocol"), protocols...)...)
	if target := path.Child("targetPort"); port.TargetPort.Type == intstr.String {
		errs = append(errs, invalidIf(validation.IsValidPortName(port.TargetPort.StrVal), port.TargetPort, target)...)
	} else {
		errs = append(errs, invalidIf(validation.IsValidPortNum(port.TargetPort.IntValue()), port.TargetPort, target)...)
	}
	if port.AppProtocol != nil {
		errs = append(errs, invalidIf(validation.IsQualifiedName(*port.AppProtocol), *port.AppProtocol, path.Child("appProtocol"))...)
	}
	return errs
}

// maxAffinity is a day, in seconds.
const maxAffinity = 86400

func validateAffinity(spec *corev1.ServiceSpec, path *field.Path) field.ErrorList {
	errs := oneOf(spec.SessionAffinity, path.Child("sessionAffinity"), corev1.ServiceAffinityClientIP, corev1.ServiceAffinityNone)
	if spec.SessionAffinity != corev1.ServiceAffinityClientIP {
		return errs
	}
	timeout := path.Child("sessionAffinityConfig", "clientIP", "timeoutSeconds")
	switch seconds := *spec.SessionAffinityConfig.ClientIP.TimeoutSeconds; { // by default all of it is there
	case seconds <= 0 || seconds > maxAffinity:
		errs = append(errs, field.Invalid(timeout, seconds, fmt.Sprintf("must be greater than 0 and less than %d", maxAffinity)))
	case seconds != corev1.DefaultClientIPServiceAffinitySeconds:
		errs = append(errs, field.Forbidden(timeout, fmt.Sprintf("%s: leave it out, or set %d. A client keeps its endpoint for as long "+
			"as the service has the same endpoints", api.NotYet, corev1.DefaultClientIPServiceAffinitySeconds)))
	}
	return errs
}

func validatePolicies(s *corev1.Service, spec *field.Path) field.ErrorList {
	var errs field.ErrorList
	external := spec.Child("externalTrafficPolicy")
	if isOpenOutside(s) {
		errs = append(errs, oneOf(s.Spec.ExternalTrafficPolicy, external,
			corev1.ServiceExternalTrafficPolicyCluster, corev1.ServiceExternalTrafficPolicyLocal)...)
	} else if s.Spec.ExternalTrafficPolicy != "" {
		errs = append(errs, field.Invalid(external, s.Spec.ExternalTrafficPolicy, "may only be set for externally-accessible services"))
	}
	if s.Spec.LoadBalancerClass != nil && s.Spec.Type != corev1.ServiceTypeLoadBalancer {
		errs = append(errs, field.Forbidden(spec.Child("loadBalancerClass"), "may only be used when `type` is 'LoadBalancer'"))
	}
	if s.Spec.Type != corev1.ServiceTypeExternalName {
		errs = append(errs, oneOf(ptr.Deref(s.Spec.InternalTrafficPolicy, ""), spec.Child("internalTrafficPolicy"),
			corev1.ServiceInternalTrafficPolicyCluster, corev1.ServiceInternalTrafficPolicyLocal)...)
	}
	return errs
}

// validateServiceUpdate says what may not change: the address, for it is in the memory of every client.
func validateServiceUpdate(s, old *corev1.Service) field.ErrorList {
	if old.Spec.Type == corev1.ServiceTypeExternalName || s.Spec.Type == corev1.ServiceTypeExternalName || old.Spec.ClusterIP == s.Spec.ClusterIP {
		return nil
	}
	return field.ErrorList{field.Invalid(field.NewPath("spec", "clusterIPs").Index(0), s.Spec.ClusterIPs, "may not change once set")}
}

// warnings are about what has no effect on a service of this type.
func warnings(s *corev1.Service) (found []string) {
	if s.Spec.Type != corev1.ServiceTypeExternalName && s.Spec.ExternalName != "" {
		found = append(found, fmt.Sprintf("spec.externalName is ignored when spec.type is not %q", corev1.ServiceTypeExternalName))
	}
	if s.Spec.ClusterIP == corev1.ClusterIPNone && s.Spec.SessionAffinity == corev1.ServiceAffinityClientIP {
		found = append(found, "spec.SessionAffinity is ignored for headless services")
	}
	return found
}

// oneOf is about a field that has a fixed choice of values, in alphabetical order.
func oneOf[T ~string](value T, path *field.Path, choice ...T) field.ErrorList {
	switch {
	case value == "":
		return field.ErrorList{field.Required(path, "")}
	case !slices.Contains(choice, value):
		return field.ErrorList{field.NotSupported(path, value, choice)}
	}
	return nil
}

// invalidIf turns the messages of a check into errors of a field.
func invalidIf(messages []string, value any, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, message := range messages {
		errs = append(errs, field.Invalid(path, value, message))
	}
	return errs
}
