package servicekind

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"kubelab/kube/api"
)

// maxEndpoints is how many endpoints a slice may have at all; our own have far fewer.
const maxEndpoints = 1000

var endpointSliceKind = api.Type[*discoveryv1.EndpointSlice]{
	Names:          api.Names{Plural: "endpointslices", Namespaced: true},
	Default:        setSliceDefaults,
	Validate:       validateSlice,
	ValidateUpdate: validateSliceUpdate,
	Columns: []api.ColumnOf[*discoveryv1.EndpointSlice]{
		{Name: "AddressType", Type: "string", Value: func(s *discoveryv1.EndpointSlice) any { return string(s.AddressType) }},
		{Name: "Ports", Type: "string", Value: slicePorts},
		{Name: "Endpoints", Type: "string", Value: sliceAddresses},
		api.AgeColumn[*discoveryv1.EndpointSlice](),
	},
}.Kind()

func setSliceDefaults(s *discoveryv1.EndpointSlice) {
	for i := range s.Ports {
		setIfNil(&s.Ports[i].Name, "")
		setIfNil(&s.Ports[i].Protocol, corev1.ProtocolTCP)
	}
}

func validateSlice(s *discoveryv1.EndpointSlice) field.ErrorList {
	errs := oneOf(s.AddressType, field.NewPath("addressType"),
		discoveryv1.AddressTypeFQDN, discoveryv1.AddressTypeIPv4, discoveryv1.AddressTypeIPv6)
	path := field.NewPath("endpoints")
	if len(s.Endpoints) > maxEndpoints {
		return append(errs, field.TooMany(path, len(s.Endpoints), maxEndpoints))
	}
	for i, endpoint := range s.Endpoints {
		errs = append(errs, validateEndpoint(&endpoint, s.AddressType, path.Index(i))...)
	}
	names := sets.New[string]()
	for i, port := range s.Ports {
		path := field.NewPath("ports").Index(i)
		name := ptr.Deref(port.Name, "")
		if name != "" {
			errs = append(errs, invalidIf(validation.IsDNS1123Label(name), name, path.Child("name"))...)
		}
		if names.Has(name) {
			errs = append(errs, field.Duplicate(path.Child("name"), name))
		}
		names.Insert(name)
		errs = append(errs, oneOf(ptr.Deref(port.Protocol, ""), path.Child("protocol"), protocols...)...)
		if port.Port != nil {
			errs = append(errs, invalidIf(validation.IsValidPortNum(int(*port.Port)), *port.Port, path.Child("port"))...)
		}
	}
	return errs
}

func validateEndpoint(endpoint *discoveryv1.Endpoint, addresses discoveryv1.AddressType, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if len(endpoint.Addresses) == 0 {
		errs = append(errs, field.Required(path.Child("addresses"), "must contain at least 1 address"))
	}
	for i, address := range endpoint.Addresses {
		path := path.Child("addresses").Index(i)
		if addresses == discoveryv1.AddressTypeFQDN {
			errs = append(errs, validation.IsFullyQualifiedDomainName(path, address)...)
			continue
		}
		errs = append(errs, validateAddress(address, addresses, path)...)
	}
	if endpoint.Hints != nil {
		errs = append(errs, field.Forbidden(path.Child("hints"), api.NotYet))
	}
	if endpoint.Hostname != nil {
		errs = append(errs, invalidIf(validation.IsDNS1123Label(*endpoint.Hostname), *endpoint.Hostname, path.Child("hostname"))...)
	}
	return errs
}

// validateAddress refuses, beside what is no address, those by which anybody who may write slices could reach
// services that listen on a node's loopback only (CVE-2021-25737).
func validateAddress(text string, family discoveryv1.AddressType, path *field.Path) field.ErrorList {
	ip, err := netip.ParseAddr(text)
	if err != nil || ip.Is4() != (family == discoveryv1.AddressTypeIPv4) {
		return field.ErrorList{field.Invalid(path, text, fmt.Sprintf("must be a valid %s address", family))}
	}
	switch {
	case ip.IsUnspecified():
		return field.ErrorList{field.Invalid(path, text, fmt.Sprintf("may not be unspecified (%v)", text))}
	case ip.IsLoopback():
		return field.ErrorList{field.Invalid(path, text, "may not be in the loopback range (127.0.0.0/8, ::1/128)")}
	case ip.IsLinkLocalUnicast():
		return field.ErrorList{field.Invalid(path, text, "may not be in the link-local range (169.254.0.0/16, fe80::/10)")}
	case ip.IsLinkLocalMulticast():
		return field.ErrorList{field.Invalid(path, text, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)")}
	}
	return nil
}

func validateSliceUpdate(s, old *discoveryv1.EndpointSlice) field.ErrorList {
	return apivalidation.ValidateImmutableField(s.AddressType, old.AddressType, field.NewPath("addressType"))
}

func slicePorts(s *discoveryv1.EndpointSlice) any {
	var texts []string
	for _, port := range s.Ports {
		switch {
		case port.Port != nil:
			texts = append(texts, strconv.Itoa(int(*port.Port)))
		case ptr.Deref(port.Name, "") != "":
			texts = append(texts, *port.Name)
		default:
			texts = append(texts, "*") // all ports
		}
	}
	return firstThree(texts)
}

func sliceAddresses(s *discoveryv1.EndpointSlice) any {
	var texts []string
	for _, endpoint := range s.Endpoints {
		if len(endpoint.Addresses) > 0 {
			texts = append(texts, endpoint.Addresses[0])
		}
	}
	return firstThree(texts)
}

func firstThree(texts []string) string {
	switch {
	case len(texts) == 0:
		return "<unset>"
	case len(texts) > 3:
		return fmt.Sprintf("%s + %d more...", strings.Join(texts[:3], ","), len(texts)-3)
	}
	return strings.Join(texts, ",")
}
