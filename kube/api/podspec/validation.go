package podspec

import (
	"fmt"
	"math"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metavalidation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"
)

// ValidateTemplate says what is wrong with a template. path is where it stands ("spec.template").
func ValidateTemplate(template *corev1.PodTemplateSpec, path *field.Path) field.ErrorList {
	errs := metavalidation.ValidateLabels(template.Labels, path.Child("metadata", "labels"))
	errs = append(errs, apivalidation.ValidateAnnotations(template.Annotations, path.Child("metadata", "annotations"))...)
	if len(template.Spec.EphemeralContainers) > 0 {
		errs = append(errs, field.Forbidden(path.Child("spec", "ephemeralContainers"), "ephemeral containers not allowed in pod templates"))
	}
	return append(errs, Validate(&template.Spec, path.Child("spec"))...)
}

// Validate says what is wrong with a pod's spec, after defaulting. Paths, reasons and wording are those of
// Kubernetes, because people search for them. What kubelab does not have is refused too (see
// notyet.go).
func Validate(spec *corev1.PodSpec, path *field.Path) field.ErrorList {
	errs := refuse(spec, missingFromPods, path)
	errs = append(errs, validateVolumes(spec.Volumes, path.Child("volumes"))...)
	errs = append(errs, validateContainers(spec, path)...)
	errs = append(errs, validateLife(spec, path)...)
	errs = append(errs, validateDNS(spec, path)...)
	errs = append(errs, validateHostname(spec, path)...)
	errs = append(errs, validatePlacement(spec, path)...)
	errs = append(errs, validateGates(spec, path)...)
	if spec.HostPID && ptr.Deref(spec.ShareProcessNamespace, false) {
		errs = append(errs, field.Invalid(path.Child("securityContext", "shareProcessNamespace"), true, "ShareProcessNamespace and HostPID cannot both be enabled"))
	}
	if spec.SecurityContext != nil {
		errs = append(errs, validatePodSecurity(spec.SecurityContext, path.Child("securityContext"))...)
		errs = append(errs, validateSysctls(spec, path.Child("securityContext", "sysctls"))...)
	}
	if spec.ServiceAccountName != "" {
		errs = append(errs, invalidIf(apivalidation.NameIsDNSSubdomain(spec.ServiceAccountName, false),
			spec.ServiceAccountName, path.Child("serviceAccountName"))...)
	}
	for i, gate := range spec.ReadinessGates {
		errs = append(errs, invalidIf(validation.IsQualifiedName(string(gate.ConditionType)),
			string(gate.ConditionType), path.Child("readinessGates").Index(i).Child("conditionType"))...)
	}
	return errs
}

// validateLife is about how a pod restarts and how long it may live and take to die.
func validateLife(spec *corev1.PodSpec, path *field.Path) field.ErrorList {
	errs := oneOf(spec.RestartPolicy, path.Child("restartPolicy"),
		corev1.RestartPolicyAlways, corev1.RestartPolicyOnFailure, corev1.RestartPolicyNever)
	if grace := spec.TerminationGracePeriodSeconds; grace == nil {
		errs = append(errs, field.Required(path.Child("terminationGracePeriodSeconds"), ""))
	} else if *grace < 0 {
		errs = append(errs, field.Invalid(path.Child("terminationGracePeriodSeconds"), *grace, apivalidation.IsNegativeErrorMsg))
	}
	if limit := spec.ActiveDeadlineSeconds; limit != nil && (*limit < 1 || *limit > math.MaxInt32) {
		errs = append(errs, field.Invalid(path.Child("activeDeadlineSeconds"), *limit,
			validation.InclusiveRangeError(1, math.MaxInt32)))
	}
	return errs
}

// The bounds of a resolver's configuration, as glibc's and Kubernetes' own.
const (
	maxNameservers = 3
	maxSearches    = 32
	maxSearchChars = 2048
)

func validateDNS(spec *corev1.PodSpec, path *field.Path) field.ErrorList {
	errs := oneOf(spec.DNSPolicy, path.Child("dnsPolicy"),
		corev1.DNSClusterFirstWithHostNet, corev1.DNSClusterFirst, corev1.DNSDefault, corev1.DNSNone)
	config, at := spec.DNSConfig, path.Child("dnsConfig")
	if config == nil {
		config = &corev1.PodDNSConfig{}
	}
	if spec.DNSPolicy == corev1.DNSNone && len(config.Nameservers) == 0 {
		errs = append(errs, field.Required(at.Child("nameservers"),
			fmt.Sprintf("must provide at least one DNS nameserver when `dnsPolicy` is %s", corev1.DNSNone)))
	}
	if len(config.Nameservers) > maxNameservers {
		errs = append(errs, field.Invalid(at.Child("nameservers"), config.Nameservers,
			fmt.Sprintf("must not have more than %d nameservers", maxNameservers)))
	}
	for i, server := range config.Nameservers {
		errs = append(errs, validation.IsValidIP(at.Child("nameservers").Index(i), server)...)
	}
	chars := 0
	for i, domain := range config.Searches {
		chars += len(domain) + 1
		if domain != "." {
			errs = append(errs, invalidIf(validation.IsDNS1123SubdomainWithUnderscore(trimDot(domain)), domain,
				at.Child("searches").Index(i))...)
		}
	}
	if len(config.Searches) > maxSearches || chars > maxSearchChars {
		errs = append(errs, field.Invalid(at.Child("searches"), config.Searches,
			fmt.Sprintf("must not have more than %d search paths, nor more than %d characters in all", maxSearches, maxSearchChars)))
	}
	for i, option := range config.Options {
		if option.Name == "" {
			errs = append(errs, field.Required(at.Child("options").Index(i), "must not be empty"))
		}
	}
	return errs
}

func trimDot(domain string) string {
	if n := len(domain); n > 0 && domain[n-1] == '.' {
		return domain[:n-1]
	}
	return domain
}

func validateHostname(spec *corev1.PodSpec, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if spec.Hostname != "" {
		errs = append(errs, invalidIf(validation.IsDNS1123Label(spec.Hostname), spec.Hostname, path.Child("hostname"))...)
	}
	if spec.Subdomain != "" {
		errs = append(errs, invalidIf(validation.IsDNS1123Label(spec.Subdomain), spec.Subdomain, path.Child("subdomain"))...)
	}
	if own := spec.HostnameOverride; own != nil {
		at := path.Child("hostnameOverride")
		errs = append(errs, invalidIf(validation.IsDNS1123Subdomain(*own), *own, at)...)
		if len(*own) > maxHostname {
			errs = append(errs, field.TooLong(at, *own, maxHostname))
		}
		if spec.HostNetwork {
			errs = append(errs, field.Forbidden(at, "may not be set when `hostNetwork` is true"))
		}
		if spec.SetHostnameAsFQDN != nil && *spec.SetHostnameAsFQDN {
			errs = append(errs, field.Forbidden(at, "may not be set when `setHostnameAsFQDN` is true"))
		}
	}
	for i, alias := range spec.HostAliases {
		at := path.Child("hostAliases").Index(i)
		errs = append(errs, validation.IsValidIP(at.Child("ip"), alias.IP)...)
		for j, name := range alias.Hostnames {
			errs = append(errs, invalidIf(validation.IsDNS1123Subdomain(name), name, at.Child("hostnames").Index(j))...)
		}
	}
	return errs
}

// maxHostname is how many characters the kernel takes of a host's name.
const maxHostname = 64

func validatePodSecurity(s *corev1.PodSecurityContext, path *field.Path) field.ErrorList {
	errs := refuse(s, missingFromPodSecurity, path)
	errs = append(errs, validateUser(s.RunAsUser, s.RunAsGroup, path)...)
	for i, group := range s.SupplementalGroups {
		errs = append(errs, invalidIf(validation.IsValidGroupID(group), group, path.Child("supplementalGroups").Index(i))...)
	}
	if s.FSGroup != nil {
		errs = append(errs, invalidIf(validation.IsValidGroupID(*s.FSGroup), *s.FSGroup, path.Child("fsGroup"))...)
	}
	if s.FSGroupChangePolicy != nil { // of no effect on the volumes that there are, as upstream
		errs = append(errs, oneOf(*s.FSGroupChangePolicy, path.Child("fsGroupChangePolicy"), corev1.FSGroupChangeAlways, corev1.FSGroupChangeOnRootMismatch)...)
	}
	return append(errs, validateSeccomp(s.SeccompProfile, path.Child("seccompProfile"))...)
}

// oneOf says that value must be there and be one of the supported ones.
func oneOf[T ~string](value T, path *field.Path, supported ...T) field.ErrorList {
	switch {
	case value == "":
		return field.ErrorList{field.Required(path, "")}
	case !slices.Contains(supported, value):
		return field.ErrorList{field.NotSupported(path, value, slices.Sorted(slices.Values(supported)))}
	}
	return nil
}

// invalidIf makes an error of each message.
func invalidIf(messages []string, value any, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, message := range messages {
		errs = append(errs, field.Invalid(path, value, message))
	}
	return errs
}
