package containers_test

import (
	"fmt"
	"strings"
	"testing"

	"kubelab/kube/containers"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// spec plans a container of a pod that has a network of its own, on a machine where the shim may do everything.
func spec(c containers.Config) *specs.Spec {
	c.ID, c.Args = "app", []string{"serve"}
	pod := containers.Sandbox{Dir: "/run/pod", Hostname: "web-0", NetNS: "/run/netns/pod", CgroupParent: "/kubelab/pods/1"}
	return containers.Spec(pod, c, containers.User{UID: 1000}, containers.Host{
		Capabilities: containers.Capabilities, ShmDir: "/run/pod/shm", MinOOMScoreAdj: -1000, CgroupV2: true,
	})
}

func TestAContainerHasNewNamespacesAndJoinsThePods(t *testing.T) {
	var got []string
	for _, ns := range spec(containers.Config{}).Linux.Namespaces {
		if ns.Path == "" {
			got = append(got, "new "+string(ns.Type))
		} else {
			got = append(got, string(ns.Type)+" "+ns.Path)
		}
	}
	want := []string{"new mount", "new pid", "ipc /proc/self/ns/ipc", "network /run/netns/pod", "uts /proc/self/ns/uts", "new cgroup"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAPodInTheNodesNetworkHasFilesProcessesAndMemoryOfItsOwn(t *testing.T) {
	got := containers.Spec(containers.Sandbox{}, containers.Config{}, containers.User{}, containers.Host{}).Linux.Namespaces
	want := []specs.LinuxNamespace{{Type: specs.MountNamespace}, {Type: specs.PIDNamespace}, {Type: specs.IPCNamespace, Path: "/proc/self/ns/ipc"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestCapabilitiesAreTheDefaultsWithWhatIsAddedAndWithoutWhatIsDropped(t *testing.T) {
	without := func(names ...string) (rest []string) {
		for _, name := range containers.DefaultCapabilities {
			if !strings.Contains(strings.Join(names, " ")+" ", name+" ") {
				rest = append(rest, name)
			}
		}
		return rest
	}
	for _, test := range []struct {
		name string
		c    containers.Config
		want []string
	}{
		{"as usual", containers.Config{}, containers.DefaultCapabilities},
		{"one added", containers.Config{CapAdd: []string{"net_admin"}}, append(without(), "CAP_NET_ADMIN")},
		{"one dropped", containers.Config{CapDrop: []string{"CAP_NET_RAW"}}, without("CAP_NET_RAW")},
		{"all dropped", containers.Config{CapDrop: []string{"ALL"}}, nil},
		{"all dropped but one", containers.Config{CapDrop: []string{"ALL"}, CapAdd: []string{"CHOWN"}}, []string{"CAP_CHOWN"}},
		{"all added", containers.Config{CapAdd: []string{"ALL"}}, containers.Capabilities},
		{"privileged", containers.Config{Privileged: true, CapDrop: []string{"ALL"}}, containers.Capabilities},
	} {
		got := spec(test.c).Process.Capabilities
		if diff := cmp.Diff(set(test.want), set(got.Bounding)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
		if len(got.Inheritable)+len(got.Ambient) > 0 {
			t.Errorf("%s: an ordinary user's programs would gain %v %v", test.name, got.Inheritable, got.Ambient)
		}
	}
	if got := containers.Spec(containers.Sandbox{}, containers.Config{Privileged: true}, containers.User{}, containers.Host{Capabilities: []string{"CAP_KILL"}}); len(got.Process.Capabilities.Bounding) != 1 {
		t.Errorf("the shim cannot give what it has not: %v", got.Process.Capabilities.Bounding)
	}
}

func set(list []string) map[string]bool {
	all := map[string]bool{}
	for _, item := range list {
		all[item] = true
	}
	return all
}

func TestAMountComesBeforeThoseBelowIt(t *testing.T) {
	var got []string
	for _, m := range spec(containers.Config{Mounts: []containers.Mount{
		{Source: "/c", Target: "/data/sub/deep"}, {Source: "/b", Target: "/data/sub/", ReadOnly: true},
		{Source: "/a", Target: "/data"},
	}}).Mounts {
		got = append(got, fmt.Sprintln(m.Type, m.Source, m.Destination, strings.Join(m.Options, ",")))
	}
	want := []string{
		"proc proc /proc nosuid,noexec,nodev\n",
		"tmpfs tmpfs /dev nosuid,strictatime,mode=755,size=65536k\n",
		"devpts devpts /dev/pts nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5\n",
		"mqueue mqueue /dev/mqueue nosuid,noexec,nodev\n",
		"sysfs sysfs /sys nosuid,noexec,nodev,ro\n",
		"cgroup cgroup /sys/fs/cgroup nosuid,noexec,nodev,relatime,ro\n",
		"bind /run/pod/shm /dev/shm bind,nosuid,noexec,nodev\n",
		"bind /a /data rbind,rprivate,nosuid,nodev\n",
		"bind /b /data/sub/ rbind,rprivate,ro,nosuid,nodev\n",
		"bind /c /data/sub/deep rbind,rprivate,nosuid,nodev\n",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestWhatTellsOfTheMachineIsHiddenUnlessAskedOtherwise(t *testing.T) {
	for name, test := range map[string]struct {
		c                containers.Config
		masked, readonly []string
	}{
		"usual":      {containers.Config{}, containers.DefaultMaskedPaths, containers.DefaultReadonlyPaths},
		"unmasked":   {containers.Config{MaskedPaths: []string{}, ReadonlyPaths: []string{}}, []string{}, []string{}},
		"own":        {containers.Config{MaskedPaths: []string{"/x"}}, []string{"/x"}, containers.DefaultReadonlyPaths},
		"privileged": {containers.Config{Privileged: true}, nil, nil},
	} {
		linux := spec(test.c).Linux
		if diff := cmp.Diff([][]string{test.masked, test.readonly}, [][]string{linux.MaskedPaths, linux.ReadonlyPaths}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestPrivilegeOpensWhatIsClosedOtherwise(t *testing.T) {
	for _, privileged := range []bool{true, false} {
		got := spec(containers.Config{Privileged: privileged})
		writable, ownCgroups := true, false
		for _, m := range got.Mounts {
			writable = writable && !strings.Contains(strings.Join(m.Options, ","), "ro")
		}
		for _, ns := range got.Linux.Namespaces {
			ownCgroups = ownCgroups || ns.Type == specs.CgroupNamespace
		}
		devices := got.Linux.Resources.Devices[0].Allow
		if writable != privileged || devices != privileged || ownCgroups == privileged {
			t.Errorf("privileged %v: all mounts writable %v, all devices allowed %v, own cgroup namespace %v", privileged, writable, devices, ownCgroups)
		}
	}
}

func TestProtectionsAreThereIfAskedFor(t *testing.T) {
	for _, asked := range []bool{true, false} {
		got := spec(containers.Config{ReadonlyRootfs: asked, NoNewPrivs: asked})
		if got.Root.Readonly != asked || got.Process.NoNewPrivileges != asked {
			t.Errorf("asked %v: read-only root %v, no new privileges %v", asked, got.Root.Readonly, got.Process.NoNewPrivileges)
		}
	}
}

func TestLimitsThatAreZeroAreNotSet(t *testing.T) {
	none := spec(containers.Config{}).Linux.Resources
	if none.CPU.Shares != nil || none.CPU.Quota != nil || none.Memory.Limit != nil || none.Pids != nil {
		t.Errorf("limits out of nothing: %+v", none)
	}
	some := spec(containers.Config{Resources: containers.Resources{CPUShares: 512, CPUQuota: 50_000, MemoryLimit: 1 << 20, PidsLimit: 9}}).Linux.Resources
	if *some.CPU.Shares != 512 || *some.CPU.Quota != 50_000 || *some.CPU.Period != 100_000 || *some.Memory.Limit != 1<<20 || *some.Memory.Swap != 1<<20 || *some.Pids.Limit != 9 {
		t.Errorf("limits: %+v", some)
	}
}

func TestOOMScoreIsNeverLowerThanTheKernelPermits(t *testing.T) {
	for wanted, want := range map[int]int{-997: -5, -5: -5, 0: 0, 1000: 1000} {
		got := containers.Spec(containers.Sandbox{}, containers.Config{OOMScoreAdj: wanted}, containers.User{}, containers.Host{MinOOMScoreAdj: -5})
		if *got.Process.OOMScoreAdj != want {
			t.Errorf("score %d becomes %d, not %d", wanted, *got.Process.OOMScoreAdj, want)
		}
	}
}

func TestTheEnvironmentHasAPathAndForATerminalItsKind(t *testing.T) {
	const path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	for _, test := range []struct {
		c    containers.Config
		want []string
	}{
		{containers.Config{Env: []string{"A=1"}}, []string{path, "A=1"}},
		{containers.Config{Env: []string{"PATH=/bin"}}, []string{"PATH=/bin"}},
		{containers.Config{Terminal: true}, []string{path, "TERM=xterm"}},
		{containers.Config{Terminal: true, Env: []string{"TERM=vt100"}}, []string{path, "TERM=vt100"}},
	} {
		if diff := cmp.Diff(test.want, spec(test.c).Process.Env); diff != "" {
			t.Errorf("%q (-want +got):\n%s", test.c.Env, diff)
		}
	}
}

func TestContainerIDsAreSafeAsNamesOfFiles(t *testing.T) {
	for id, good := range map[string]bool{
		"a": true, "0f-A_.z": true, strings.Repeat("a", 200): true,
		"": false, ".": false, "..": false, ".a": false, "a/b": false, "a b": false, "a*": false, "é": false, strings.Repeat("a", 201): false,
	} {
		if err := containers.CheckID(id); (err == nil) != good {
			t.Errorf("%q: %v", id, err)
		}
	}
}
