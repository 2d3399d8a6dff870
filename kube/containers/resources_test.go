//go:build linux

package containers_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kubelab/kube/containers"

	"github.com/opencontainers/cgroups"
)

func TestTheKernelKillsWhatUsesTooMuchMemoryAndTheStatusSaysSo(t *testing.T) {
	p := newPod(t)
	c := busyboxContainer("a", "head -c 200000000 /dev/zero | tail; exit 1")
	c.Resources.MemoryLimit = 20 << 20
	if _, status := p.runToEnd(c); status.Reason != containers.ReasonOOMKilled {
		t.Errorf("status: %+v", status)
	}
	c = busyboxContainer("b", "exec tail /dev/zero")
	c.Resources.MemoryLimit = 20 << 20
	if _, status := p.runToEnd(c); status.Reason != containers.ReasonOOMKilled || status.ExitCode != 137 {
		t.Errorf("status when it hits the first process: %+v", status)
	}
}

func TestAContainerThatAsksForItEndsAsAWholeWhenAChildTakesTooMuchMemory(t *testing.T) {
	p := newPod(t)
	if !cgroups.IsCgroup2UnifiedMode() {
		t.Skip("needs cgroup v2: version 1 has no memory.oom.group")
	}
	c := busyboxContainer("a", "tail /dev/zero; echo the child is gone; sleep 1000")
	c.Resources = containers.Resources{MemoryLimit: 20 << 20, Unified: map[string]string{"memory.oom.group": "1"}}
	if out, status := p.runToEnd(c); status.Reason != containers.ReasonOOMKilled || status.ExitCode != 137 || out != "" {
		t.Errorf("status: %+v, output %q", status, out)
	}
}

func TestAPodsContainersShareTheLimitsOfItsCgroup(t *testing.T) {
	p := newPod(t)
	if err := containers.LimitCgroup(p.Sandbox.CgroupParent, containers.Resources{CPUShares: 512, CPUQuota: 50_000, MemoryLimit: 64 << 20, PidsLimit: 20}); err != nil {
		t.Fatal(err)
	}
	for id, files := range map[string][3]string{
		"67108864": {"memory", "memory.limit_in_bytes", "memory.max"}, "20": {"pids", "pids.max", "pids.max"},
		"50000": {"cpu", "cpu.cfs_quota_us", "cpu.max"},
	} {
		if got := p.cgroupValue("", files[0], files[1], files[2]); !strings.HasPrefix(got, id) {
			t.Errorf("%s of the pod's cgroup: %s, want %s", files[2], got, id)
		}
	}
	bomb := "trap '' TERM; for i in $(seq 40); do sleep 1000 & done; wait"
	p.run(busyboxContainer("a", bomb))
	waitFor(t, "the bomb to reach the limit", func() bool { return strings.Contains(strings.Join(p.output("a"), "\n"), "can't fork") })
}

func TestLimitsAreThoseOfTheContainersCgroup(t *testing.T) {
	p := newPod(t)
	c := busyboxContainer("a", "sleep 1000")
	c.Resources = containers.Resources{CPUShares: 512, CPUQuota: 50_000, MemoryLimit: 64 << 20, PidsLimit: 100}
	p.run(c)
	if got := p.cgroupValue("a", "pids", "pids.max", "pids.max"); got != "100" {
		t.Errorf("pids limit: %s", got)
	}
	if got := p.cgroupValue("a", "memory", "memory.limit_in_bytes", "memory.max"); got != "67108864" {
		t.Errorf("memory limit: %s", got)
	}
	if got := p.cgroupValue("a", "cpu", "cpu.cfs_quota_us", "cpu.max"); !strings.HasPrefix(got, "50000") {
		t.Errorf("cpu quota: %s", got)
	}
	if got := p.cgroupValue("a", "cpu", "cpu.shares", "cpu.weight"); got != "512" && got != "59" {
		t.Errorf("cpu weight: %s", got)
	}
}

// cgroupValue reads a file of a container's cgroup, on either version.
func (p *pod) cgroupValue(id, controller, v1, v2 string) string {
	p.t.Helper()
	value, err := os.ReadFile(filepath.Join("/sys/fs/cgroup", controller, p.Sandbox.CgroupPath(id), v1))
	if err != nil {
		value, err = os.ReadFile(filepath.Join("/sys/fs/cgroup", p.Sandbox.CgroupPath(id), v2))
	}
	if err != nil {
		p.t.Fatal(err)
	}
	return strings.TrimSpace(string(value))
}
