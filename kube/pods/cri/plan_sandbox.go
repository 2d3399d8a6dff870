package cri

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
	"k8s.io/utils/ptr"

	"kubelab/kube/sysctls"
)

// The labels by which a kubelet finds its pods again in any runtime, and the annotations in which it notes
// what only it needs to know.
const (
	LabelName      = "io.kubernetes.pod.name"
	LabelNamespace = "io.kubernetes.pod.namespace"
	LabelUID       = "io.kubernetes.pod.uid"
	LabelContainer = "io.kubernetes.container.name"

	AnnotationStreak = "kubelab.io/restarts-in-a-row"
	AnnotationImage  = "kubelab.io/image"
	AnnotationWords  = "kubelab.io/termination-message-policy"
)

// LabelsOf are the labels of a pod's sandboxes in the runtime, or those of one of its containers.
func LabelsOf(pod *corev1.Pod, container string) map[string]string {
	labels := map[string]string{LabelName: pod.Name, LabelNamespace: pod.Namespace, LabelUID: string(pod.UID)}
	if container != "" {
		labels[LabelContainer] = container
	}
	return labels
}

// SandboxConfig tells the runtime what the containers of the pod are to share.
func SandboxConfig(pod *corev1.Pod, attempt int, node Node) *runtimeapi.PodSandboxConfig {
	named := LabelsOf(pod, "")
	for label, value := range pod.Labels {
		if named[label] == "" {
			named[label] = value
		}
	}
	return &runtimeapi.PodSandboxConfig{
		Metadata: &runtimeapi.PodSandboxMetadata{
			Name: pod.Name, Namespace: pod.Namespace, Uid: string(pod.UID), Attempt: uint32(attempt),
		},
		Hostname:     kernelName(pod, node),
		LogDirectory: node.LogDirectory(pod),
		DnsConfig:    dnsConfig(pod, node),
		Labels:       named,
		Annotations:  pod.Annotations,
		Linux: &runtimeapi.LinuxPodSandboxConfig{
			CgroupParent: CgroupParent(node.CgroupRoot, pod),
			Resources:    podResources(pod),
			Sysctls:      sysctlsOf(pod),
			SecurityContext: &runtimeapi.LinuxSandboxSecurityContext{
				NamespaceOptions: namespaces(pod), Seccomp: seccomp(nil, pod, node), Privileged: anyPrivileged(pod),
			},
		},
	}
}

// sysctlsOf are the kernel's parameters that the pod sets for itself, by their names with dots.
func sysctlsOf(pod *corev1.Pod) map[string]string {
	if pod.Spec.SecurityContext == nil || len(pod.Spec.SecurityContext.Sysctls) == 0 {
		return nil
	}
	values := map[string]string{}
	for _, parameter := range pod.Spec.SecurityContext.Sysctls {
		values[sysctls.Dotted(parameter.Name)] = parameter.Value
	}
	return values
}

// hostname is what the pod calls itself. On the node's network it has the node's name.
func hostname(pod *corev1.Pod) string {
	const longest = 63 // RFC 1123
	switch {
	case pod.Spec.HostNetwork:
		return ""
	case pod.Spec.HostnameOverride != nil:
		return *pod.Spec.HostnameOverride
	case pod.Spec.Hostname != "":
		return pod.Spec.Hostname
	case len(pod.Name) > longest:
		return strings.TrimRight(pod.Name[:longest], "-.")
	}
	return pod.Name
}

// domain is the pod's name in DNS, where it has one.
func domain(pod *corev1.Pod, node Node) string {
	if pod.Spec.HostNetwork || pod.Spec.Subdomain == "" || pod.Spec.HostnameOverride != nil {
		return ""
	}
	return strings.Join([]string{hostname(pod), pod.Spec.Subdomain, pod.Namespace, "svc", node.Domain}, ".")
}

// kernelName is what uname says in the pod: its hostname, or all of its name in DNS.
func kernelName(pod *corev1.Pod, node Node) string {
	if whole := domain(pod, node); whole != "" && ptr.Deref(pod.Spec.SetHostnameAsFQDN, false) {
		return whole
	}
	return hostname(pod)
}

// dnsConfig is the pod's resolv.conf. Names without enough dots are tried in the pod's own namespace first.
func dnsConfig(pod *corev1.Pod, node Node) *runtimeapi.DNSConfig {
	var config Resolver
	switch policy := pod.Spec.DNSPolicy; {
	case policy == corev1.DNSNone:
	case policy == corev1.DNSDefault, policy == corev1.DNSClusterFirst && pod.Spec.HostNetwork:
		config = node.Resolver
	default:
		config = Resolver{
			Servers: []string{node.DNS},
			Searches: append([]string{
				pod.Namespace + ".svc." + node.Domain, "svc." + node.Domain, node.Domain}, node.Resolver.Searches...),
			Options: []string{"ndots:5"},
		}
	}
	if more := pod.Spec.DNSConfig; more != nil {
		config.Servers = union(config.Servers, more.Nameservers)
		config.Searches = union(config.Searches, more.Searches)
		config.Options = mergeOptions(config.Options, more.Options)
	}
	return &runtimeapi.DNSConfig{Servers: config.Servers, Searches: config.Searches, Options: config.Options}
}

func union(a, b []string) []string {
	all := slices.Clone(a)
	for _, text := range b {
		if !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	return all
}

// mergeOptions lets the pod's options replace those of the same name.
func mergeOptions(options []string, more []corev1.PodDNSConfigOption) []string {
	merged := slices.Clone(options)
	for _, option := range more {
		merged = slices.DeleteFunc(merged, func(o string) bool { return o == option.Name || strings.HasPrefix(o, option.Name+":") })
		text := option.Name
		if option.Value != nil && *option.Value != "" {
			text += ":" + *option.Value
		}
		merged = append(merged, text)
	}
	return merged
}

// HostsFile is the pod's /etc/hosts.
func HostsFile(pod *corev1.Pod, node Node, ips []string) string {
	name, whole := hostname(pod), domain(pod, node)
	if pod.Spec.HostNetwork {
		name, ips = node.Name, []string{node.IP}
	}
	var file strings.Builder
	file.WriteString("# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n" +
		"fe00::0\tip6-localnet\nfe00::0\tip6-mcastprefix\nfe00::1\tip6-allnodes\nfe00::2\tip6-allrouters\n")
	for _, ip := range ips {
		fields := []string{ip, name}
		if whole != "" {
			fields = []string{ip, whole, name}
		}
		file.WriteString(strings.Join(fields, "\t") + "\n")
	}
	if len(pod.Spec.HostAliases) > 0 {
		file.WriteString("\n# Entries added by HostAliases.\n")
	}
	for _, alias := range pod.Spec.HostAliases {
		file.WriteString(alias.IP + "\t" + strings.Join(alias.Hostnames, "\t") + "\n")
	}
	return file.String()
}
