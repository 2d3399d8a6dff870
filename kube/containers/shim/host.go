//go:build linux

package shim

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"

	"kubelab/kube/containers"

	"github.com/moby/sys/devices"
	"github.com/opencontainers/cgroups"
	devicerules "github.com/opencontainers/cgroups/devices/config"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// inspectHost finds out what the machine offers and what we may do.
func inspectHost() (containers.Host, error) {
	caps, err := ownCapabilities()
	if err != nil {
		return containers.Host{}, err
	}
	h := containers.Host{Capabilities: caps, CgroupV2: cgroups.IsCgroup2UnifiedMode(), MinOOMScoreAdj: -1000}
	for _, name := range caps {
		if name == "CAP_SYS_RESOURCE" {
			return h, nil
		}
	}
	// Without that capability a process cannot make itself less likely to be killed than it is.
	own, err := os.ReadFile("/proc/self/oom_score_adj")
	if err == nil {
		h.MinOOMScoreAdj, err = strconv.Atoi(strings.TrimSpace(string(own)))
	}
	return h, err
}

// makesNetworks finds /dev/net/tun, with which a program makes network devices. Libcontainer lets every container open
// it; Docker's need to be given it.
func makesNetworks(rule *devicerules.Rule) bool {
	return rule.Type == 'c' && rule.Major == 10 && rule.Minor == 200
}

// ownCapabilities names those in our effective set (a bit mask, in hexadecimal, in /proc/self/status).
func ownCapabilities() ([]string, error) {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		mask, found := strings.CutPrefix(lines.Text(), "CapEff:")
		if !found {
			continue
		}
		bits, err := strconv.ParseUint(strings.TrimSpace(mask), 16, 64)
		if err != nil {
			return nil, err
		}
		var names []string
		for i, name := range containers.Capabilities {
			if bits&(1<<i) != 0 {
				names = append(names, name)
			}
		}
		return names, nil
	}
	return nil, fmt.Errorf("no CapEff in /proc/self/status")
}

// allDevices are the host's, for a privileged container.
func allDevices() ([]specs.LinuxDevice, error) {
	all, err := devices.HostDevices()
	if err != nil {
		return nil, fmt.Errorf("list the host's devices: %w", err)
	}
	var list []specs.LinuxDevice
	for _, d := range all {
		list = append(list, specs.LinuxDevice{
			Path: d.Path, Type: string(d.Type), Major: d.Major, Minor: d.Minor, FileMode: &d.FileMode, UID: &d.Uid, GID: &d.Gid,
		})
	}
	return list, nil
}
