//go:build linux

package containers

import (
	"fmt"
	"sync"

	"github.com/opencontainers/cgroups"
	"github.com/opencontainers/cgroups/manager"
)

// limiting is held by one caller at a time: the library that writes cgroups keeps things in variables of its own.
var limiting sync.Mutex

// LimitCgroup makes the cgroup at path (from the root of each hierarchy), with those above it, and sets its limits, also
// where it is there already. It holds for all that is in it and below it together.
func LimitCgroup(path string, r Resources) error {
	limiting.Lock()
	defer limiting.Unlock()
	limits := &cgroups.Resources{
		SkipDevices: true, CpuShares: r.CPUShares, CpuWeight: cgroups.ConvertCPUSharesToCgroupV2Value(r.CPUShares),
		CpuQuota: r.CPUQuota, CpuPeriod: r.CPUPeriod, Memory: r.MemoryLimit, Unified: r.Unified,
	}
	if r.PidsLimit > 0 {
		limits.PidsLimit = &r.PidsLimit
	}
	group, err := manager.New(&cgroups.Cgroup{Path: path, Resources: limits})
	if err == nil {
		err = group.Apply(-1) // makes it, with no process in it
	}
	if err == nil {
		err = group.Set(limits)
	}
	if err != nil {
		return fmt.Errorf("limit cgroup %s: %w", path, err)
	}
	return nil
}
