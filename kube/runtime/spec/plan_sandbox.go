package spec

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/sysctls"
)

// CheckSandbox says what is wrong with a wanted sandbox.
func CheckSandbox(config *cri.PodSandboxConfig, handler string) error {
	meta := config.GetMetadata()
	options := Namespaces(config)
	switch {
	case meta.GetName() == "" || meta.GetNamespace() == "" || meta.GetUid() == "":
		return fmt.Errorf("a sandbox needs metadata.name, metadata.namespace and metadata.uid")
	case handler != "":
		return fmt.Errorf("runtime handler %q: there is only the one without a name", handler)
	case config.GetLogDirectory() != "" && !path.IsAbs(config.LogDirectory):
		return fmt.Errorf("log directory %q: want an absolute path", config.LogDirectory)
	}
	for _, mapping := range config.GetPortMappings() {
		if mapping.HostPort != 0 && options.GetNetwork() != cri.NamespaceMode_NODE {
			return fmt.Errorf("port_mappings.host_port: %d: ports of the host are not mapped here: use the host's network, or a Service of type NodePort", mapping.HostPort)
		}
	}
	if err := refuse(config.ProtoReflect(), "", RefusedOfSandbox); err != nil {
		return err
	}
	if mode := options.GetPid(); mode == cri.NamespaceMode_TARGET {
		return fmt.Errorf("PID namespace mode %v: a sandbox has no target", mode)
	}
	if err := checkSysctls(config.GetLinux().GetSysctls(), options); err != nil {
		return err
	}
	return checkNamespaces(options)
}

// checkSysctls refuses to change what is not the pod's own: whether a parameter is safe is the kubelet's to say, not whose it is.
func checkSysctls(values map[string]string, options *cri.NamespaceOption) error {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		is := sysctls.NamespaceOf(name)
		switch {
		case !sysctls.Valid(name):
			return fmt.Errorf("linux.sysctls: %q is no name of a kernel parameter", name)
		case is == sysctls.Machine:
			return fmt.Errorf("linux.sysctls: %s is the whole machine's: only parameters of the pod's network or IPC namespace can be set", name)
		case is == sysctls.Network && options.GetNetwork() == cri.NamespaceMode_NODE, is == sysctls.IPC && options.GetIpc() == cri.NamespaceMode_NODE:
			return fmt.Errorf("linux.sysctls: %s would be set for the node, whose %s namespace the pod shares", name, is)
		}
	}
	return nil
}

// Hostname is the pod's own: what it says, else its name, as far as the kernel takes one, and nothing if it goes by the node's.
func Hostname(config *cri.PodSandboxConfig) string {
	const longest = 63
	switch name := config.GetMetadata().GetName(); {
	case Namespaces(config).GetNetwork() == cri.NamespaceMode_NODE:
		return ""
	case config.GetHostname() != "":
		return config.Hostname
	default:
		return strings.TrimRight(name[:min(len(name), longest)], "-.")
	}
}

// checkNamespaces refuses what is not taught here. Who says nothing at all gets what a pod says that says nothing.
func checkNamespaces(options *cri.NamespaceOption) error {
	switch {
	case options == nil:
		return nil
	case options.Pid == cri.NamespaceMode_TARGET && options.TargetId == "":
		return fmt.Errorf("PID namespace mode %v: it needs a target_id", options.Pid)
	case options.Ipc != cri.NamespaceMode_POD && options.Ipc != cri.NamespaceMode_NODE:
		return fmt.Errorf("IPC namespace mode %v: only POD and NODE are supported here", options.Ipc)
	}
	return nil
}

// SharesPID says whether a pod's containers share their processes, or whether one of them takes part in that. It is the zero value of the mode,
// so only who says something of namespaces can mean it.
func SharesPID(options *cri.NamespaceOption) bool {
	return options != nil && options.Pid == cri.NamespaceMode_POD
}

// Namespaces says which namespaces of the node a pod shares; nil means none.
func Namespaces(config *cri.PodSandboxConfig) *cri.NamespaceOption {
	return config.GetLinux().GetSecurityContext().GetNamespaceOptions()
}

// ResolvConf is the content of /etc/resolv.conf (resolv.conf(5)), the node's own where the pod has no wish.
func ResolvConf(dns *cri.DNSConfig, node string) string {
	if len(dns.GetServers())+len(dns.GetSearches())+len(dns.GetOptions()) == 0 {
		return node
	}
	var text strings.Builder
	for _, server := range dns.Servers {
		fmt.Fprintf(&text, "nameserver %s\n", server)
	}
	if len(dns.Searches) > 0 {
		fmt.Fprintf(&text, "search %s\n", strings.Join(dns.Searches, " "))
	}
	if len(dns.Options) > 0 {
		fmt.Fprintf(&text, "options %s\n", strings.Join(dns.Options, " "))
	}
	return text.String()
}

// Hosts is the content of /etc/hosts where the kubelet does not mount one of its own.
func Hosts(ip, hostname string) string {
	return fmt.Sprintf("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n%s\t%s\n", ip, hostname)
}
