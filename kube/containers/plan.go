package containers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// Host is what a plan must know of the machine and of the sandbox.
type Host struct {
	// Capabilities are those that the shim itself may use; it cannot give others away.
	Capabilities []string
	// CgroupV2 says which version of control groups the machine has.
	CgroupV2 bool
	// MinOOMScoreAdj is the lowest that the kernel lets the shim set.
	MinOOMScoreAdj int
	// ShmDir is the pod's /dev/shm.
	ShmDir string
	// Processes is the path of the PID namespace to join. Empty: a new one.
	Processes string
	// Devices are the nodes to make in a privileged container besides the usual ones.
	Devices []specs.LinuxDevice
}

// User is whom a container's command runs as: a Config.User, looked up.
type User struct {
	UID, GID uint32
	Groups   []uint32
}

// Spec says what a container is in the terms of the OCI runtime specification (what `runc` reads as config.json): which
// namespaces it gets or joins, what is mounted where, what it may do and use.
func Spec(s Sandbox, c Config, u User, h Host) *specs.Spec {
	masked, readonly := c.MaskedPaths, c.ReadonlyPaths
	if masked == nil {
		masked = DefaultMaskedPaths
	}
	if readonly == nil {
		readonly = DefaultReadonlyPaths
	}
	if c.Privileged {
		masked, readonly = nil, nil
	}
	return &specs.Spec{
		Version: specs.Version,
		Root:    &specs.Root{Path: s.RootDir(c.ID), Readonly: c.ReadonlyRootfs},
		Process: process(c, u, h),
		Mounts:  mounts(c, h),
		Linux: &specs.Linux{
			Namespaces:        namespaces(s, c, h),
			CgroupsPath:       s.CgroupPath(c.ID),
			Resources:         resources(c, h),
			Devices:           h.Devices,
			MaskedPaths:       masked,
			ReadonlyPaths:     readonly,
			RootfsPropagation: rootPropagation(c),
		},
	}
}

func process(c Config, u User, h Host) *specs.Process {
	oomScoreAdj := max(c.OOMScoreAdj, h.MinOOMScoreAdj)
	caps := capabilities(c, h.Capabilities)
	p := &specs.Process{
		Terminal: c.Terminal,
		Args:     c.Args,
		Env:      environment(c),
		Cwd:      c.Cwd,
		User:     specs.User{UID: u.UID, GID: u.GID, AdditionalGids: u.Groups},
		// Nothing is inheritable or ambient: a program run by an ordinary user in the container gains nothing.
		Capabilities:    &specs.LinuxCapabilities{Bounding: caps, Effective: caps, Permitted: caps},
		NoNewPrivileges: c.NoNewPrivs,
		OOMScoreAdj:     &oomScoreAdj,
	}
	if p.Cwd == "" {
		p.Cwd = "/"
	}
	return p
}

func environment(c Config) []string {
	var defaults []string
	has := func(name string) bool {
		return slices.ContainsFunc(c.Env, func(e string) bool { return strings.HasPrefix(e, name+"=") })
	}
	if !has("PATH") {
		defaults = append(defaults, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
	}
	if c.Terminal && !has("TERM") {
		defaults = append(defaults, "TERM=xterm")
	}
	return append(defaults, c.Env...)
}

// namespaces lists those that are new (no path) and those to join. The ones not listed are the shim's own.
func namespaces(s Sandbox, c Config, h Host) []specs.LinuxNamespace {
	// The shim lives in the pod's UTS and IPC namespaces. To name them all the same tells libcontainer that they are not
	// the host's.
	list := []specs.LinuxNamespace{{Type: specs.MountNamespace}}
	if !c.HostPID {
		list = append(list, specs.LinuxNamespace{Type: specs.PIDNamespace, Path: h.Processes})
	}
	if !s.HostIPC {
		list = append(list, specs.LinuxNamespace{Type: specs.IPCNamespace, Path: "/proc/self/ns/ipc"})
	}
	if s.NetNS != "" {
		list = append(list, specs.LinuxNamespace{Type: specs.NetworkNamespace, Path: s.NetNS})
	}
	if s.Hostname != "" {
		list = append(list, specs.LinuxNamespace{Type: specs.UTSNamespace, Path: "/proc/self/ns/uts"})
	}
	if h.CgroupV2 && !c.Privileged {
		list = append(list, specs.LinuxNamespace{Type: specs.CgroupNamespace})
	}
	return list
}

func resources(c Config, h Host) *specs.LinuxResources {
	r := c.Resources
	out := &specs.LinuxResources{
		Devices: []specs.LinuxDeviceCgroup{{Allow: c.Privileged, Access: "rwm"}}, // all, or none but the usual ones
		CPU:     &specs.LinuxCPU{},
		Memory:  &specs.LinuxMemory{},
		Unified: r.Unified,
	}
	if r.CPUShares > 0 {
		out.CPU.Shares = &r.CPUShares
	}
	if r.CPUQuota > 0 {
		out.CPU.Quota, out.CPU.Period = &r.CPUQuota, &r.CPUPeriod
		if r.CPUPeriod == 0 {
			period := uint64(100_000)
			out.CPU.Period = &period
		}
	}
	if r.MemoryLimit > 0 {
		out.Memory.Limit = &r.MemoryLimit
		if h.CgroupV2 { // no swap beyond the limit; on v1 that needs a kernel with swap accounting
			out.Memory.Swap = &r.MemoryLimit
		}
	}
	if r.PidsLimit > 0 {
		out.Pids = &specs.LinuxPids{Limit: &r.PidsLimit}
	}
	return out
}

// CheckID says what is wrong with a container's ID: it becomes the name of a directory and of a cgroup.
func CheckID(id string) error {
	if id == "" || len(id) > 200 || id[0] == '.' {
		return fmt.Errorf("container ID %q: it must have 1 to 200 characters and not begin with a dot", id)
	}
	for _, c := range id {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.') {
			return fmt.Errorf("container ID %q: only letters, digits and any of \".-_\" are allowed", id)
		}
	}
	return nil
}
