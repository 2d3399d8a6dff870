package containers

import (
	"cmp"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// DefaultMaskedPaths are hidden from containers: they tell about the machine, or reach its hardware. Docker has the same.
var DefaultMaskedPaths = []string{
	"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/scsi",
	"/proc/sched_debug", "/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap", "/sys/firmware",
}

// DefaultReadonlyPaths can be read but not written: they change the machine.
var DefaultReadonlyPaths = []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}

// mounts lists the file systems that the kernel makes up, the pod's shared memory, and then what the pod asks for. A
// mount comes before those below it.
func mounts(c Config, h Host) []specs.Mount {
	access := "ro"
	if c.Privileged {
		access = "rw"
	}
	list := []specs.Mount{
		kernelMount("proc", "/proc", "nosuid", "noexec", "nodev"),
		kernelMount("tmpfs", "/dev", "nosuid", "strictatime", "mode=755", "size=65536k"),
		kernelMount("devpts", "/dev/pts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"),
		kernelMount("mqueue", "/dev/mqueue", "nosuid", "noexec", "nodev"),
		kernelMount("sysfs", "/sys", "nosuid", "noexec", "nodev", access),
		kernelMount("cgroup", "/sys/fs/cgroup", "nosuid", "noexec", "nodev", "relatime", access),
		{Type: "bind", Source: h.ShmDir, Destination: "/dev/shm", Options: []string{"bind", "nosuid", "noexec", "nodev"}},
	}
	asked := slices.Clone(c.Mounts)
	slices.SortStableFunc(asked, func(a, b Mount) int { return depth(a.Target) - depth(b.Target) })
	for _, m := range asked {
		out := specs.Mount{Type: "bind", Source: m.Source, Destination: m.Target, Options: []string{"rbind", propagationOption(m.Propagation)}}
		switch {
		case m.ReadOnlyBelow:
			out.Options = append(out.Options, "rro")
		case m.ReadOnly:
			out.Options = append(out.Options, "ro")
		}
		if !c.Privileged { // a file of the host's neither gives its owner's rights nor opens a device
			out.Options = append(out.Options, "nosuid", "nodev")
		}
		list = append(list, out)
	}
	return list
}

func propagationOption(p Propagation) string { return "r" + string(cmp.Or(p, "private")) }

// rootPropagation is how mounts show between the container and the outside that nothing else is said of: not at all, but where one of them is to show, the
// kernel must not cut the tie at the root.
func rootPropagation(c Config) string {
	widest := Private
	for _, m := range c.Mounts {
		switch m.Propagation {
		case Shared:
			return propagationOption(Shared)
		case Slave:
			widest = Slave
		}
	}
	return propagationOption(widest)
}

func kernelMount(kind, target string, options ...string) specs.Mount {
	return specs.Mount{Type: kind, Source: kind, Destination: target, Options: options}
}

func depth(path string) int { return strings.Count(strings.TrimRight(path, "/"), "/") }
