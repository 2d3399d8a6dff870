package containers

import (
	"slices"
	"strings"
)

// Capabilities are the powers of root, one by one (capabilities(7)); the index is the kernel's number for each.
var Capabilities = []string{
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID",
	"CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN",
	"CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT",
	"CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE",
	"CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL",
	"CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND",
	"CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
}

// DefaultCapabilities are what root in a container keeps: enough for usual images, not enough to change the machine.
// Docker has the same.
var DefaultCapabilities = []string{
	"CAP_AUDIT_WRITE", "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_MKNOD",
	"CAP_NET_BIND_SERVICE", "CAP_NET_RAW", "CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_CHROOT",
}

// capabilities applies what the pod adds and drops to the default, and leaves out what the shim itself does not have.
// Dropping ALL is meant for the default: what is added by name stays.
func capabilities(c Config, available []string) []string {
	if c.Privileged {
		return available
	}
	add, drop := capabilityNames(c.CapAdd), capabilityNames(c.CapDrop)
	var kept []string
	for _, name := range available {
		wanted := slices.Contains(DefaultCapabilities, name) && !slices.Contains(drop, "CAP_ALL")
		wanted = (wanted || slices.Contains(add, "CAP_ALL")) && !slices.Contains(drop, name)
		if wanted || slices.Contains(add, name) {
			kept = append(kept, name)
		}
	}
	return kept
}

func capabilityNames(list []string) []string {
	var names []string
	for _, name := range list {
		names = append(names, "CAP_"+strings.TrimPrefix(strings.ToUpper(name), "CAP_"))
	}
	return names
}
