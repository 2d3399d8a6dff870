package sysctls

import (
	"regexp"
	"slices"
	"strings"
)

// Namespace is the kind of namespace for which the kernel keeps a parameter once.
type Namespace string

// The namespaces. Their names are those that a kubelet uses in its messages.
const (
	Machine Namespace = ""    // none: the parameter is the machine's
	Network Namespace = "Net" // one network namespace's
	IPC     Namespace = "IPC" // of System V IPC and of message queues
)

// safe are the parameters that every node allows, as Kubernetes 1.34 does.
var safe = []string{
	"kernel.shm_rmid_forced",
	"net.ipv4.ip_local_port_range",
	"net.ipv4.ip_local_reserved_ports",
	"net.ipv4.ip_unprivileged_port_start",
	"net.ipv4.ping_group_range",
	"net.ipv4.tcp_fin_timeout",
	"net.ipv4.tcp_keepalive_intvl",
	"net.ipv4.tcp_keepalive_probes",
	"net.ipv4.tcp_keepalive_time",
	"net.ipv4.tcp_rmem",
	"net.ipv4.tcp_syncookies",
	"net.ipv4.tcp_wmem",
}

// MaxName is how many characters a name may have.
const MaxName = 253

// Pattern is what a name must match. Each part begins with a letter or a digit, so that no name leads out of /proc/sys.
const Pattern = `^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$`

var pattern = regexp.MustCompile(Pattern)

// Valid is whether a parameter may have that name.
func Valid(name string) bool { return len(name) <= MaxName && pattern.MatchString(name) }

// Dotted is a name with dots between its parts. Who separates the parts by slashes can write a dot within one, such as that of the network
// device in net/ipv4/conf/eth0.1/forwarding: it becomes a slash then, as sysctl(8) has it. The first separator tells which way a name is written.
func Dotted(name string) string {
	if first := strings.IndexAny(name, "./"); first < 0 || name[first] == '.' {
		return name
	}
	return swapped(name)
}

// File is where a parameter lies below /proc/sys.
func File(name string) string { return swapped(Dotted(name)) }

func swapped(name string) string { return strings.NewReplacer(".", "/", "/", ".").Replace(name) }

// NamespaceOf says whose a parameter is.
func NamespaceOf(name string) Namespace {
	name = Dotted(name)
	for _, of := range []struct {
		prefix string
		is     Namespace
	}{{"net.", Network}, {"kernel.shm", IPC}, {"kernel.msg", IPC}, {"fs.mqueue.", IPC}} {
		if strings.HasPrefix(name, of.prefix) {
			return of.is
		}
	}
	if name == "kernel.sem" {
		return IPC
	}
	return Machine
}

// Safe is whether every node lets a pod set that parameter.
func Safe(name string) bool { return slices.Contains(safe, Dotted(name)) }
