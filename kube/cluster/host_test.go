//go:build linux

package cluster

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"kubelab/kube/containers"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
)

func TestAHostIsAMachineOfItsOwn(t *testing.T) {
	onEmptyMachine(t, func(t *testing.T, o Options) {
		spec := up(t, o)
		other := o
		other.Name, other.DataDir = o.Name+"x", o.DataDir+"x"
		other.Nodes = 0
		up(t, other) // its switch must not be seen in the hosts of the first
		defer func() {
			if err := Down(context.Background(), other.Name, other.DataDir, false); err != nil {
				t.Error(err)
			}
		}()
		got := askUntil(t, "node-1", spec, "control-plane")
		want := facts{
			Hostname:  "control-plane",
			Processes: []string{"kube apiserver", "kube controllers", "kube etcd", "kube host", "kube scheduler"},
			Addresses: []string{"172.30.0.10/24"},
			Hardware:  "0a:58:ac:1e:00:0a", // the address again: neighbours still know a host that comes back
			Asker:     "172.30.0.11",
		}
		got.Processes = sorted(got.Processes)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

func TestWhatHostsKeepIsRootsAloneToReach(t *testing.T) {
	onEmptyMachine(t, func(t *testing.T, o Options) {
		spec := up(t, o)
		for _, path := range []string{spec.path("hosts"), spec.hostPath(*spec.Host("node-1"), "run")} {
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o700 {
				t.Errorf("%s: %v, %v", path, info.Mode(), err)
			}
		}
	})
}

func TestAHostHasTheLimitsOfItsCgroup(t *testing.T) {
	onEmptyMachine(t, func(t *testing.T, o Options) {
		o.CPU, o.Memory = 1, 512<<20
		spec := up(t, o)
		want := map[string]string{"memory/memory.limit_in_bytes": "536870912", "cpu/cpu.cfs_quota_us": "100000"}
		if len(hierarchies()) == 1 {
			want = map[string]string{"memory.max": "536870912", "cpu.max": "100000 100000"}
		}
		for file, limit := range want {
			controller, file, both := strings.Cut(file, "/")
			if !both {
				controller, file = "", controller
			}
			content, err := os.ReadFile(filepath.Join(cgroupMount, controller, spec.cgroup(*spec.Host("node-1")), file))
			if err != nil || strings.TrimSpace(string(content)) != limit {
				t.Errorf("%s/%s is %q, %v; want %s", controller, file, content, err, limit)
			}
		}
	})
}

func TestInCgroupV2AHostsProcessesAreInALeafBesideItsPods(t *testing.T) {
	onMachine(t, cgroup2, func(t *testing.T, o Options) {
		triedLimits = containers.Resources{}
		spec := up(t, o)
		checkInLeaf(t, o, spec)
		host := filepath.Join(cgroupMount, "kubelab", o.Name, "node-1")
		if inner, err := os.ReadFile(filepath.Join(host, "cgroup.procs")); err != nil || len(inner) > 0 {
			t.Errorf("processes %q, %v: pods' cgroups beside them could get no controller", inner, err)
		}
		if err := os.Mkdir(filepath.Join(host, "pod"), 0o755); err != nil { // as the runtime does
			t.Error(err)
		}
	})
}

// checkInLeaf requires that a node's components are in a cgroup of their own below the node's.
func checkInLeaf(t *testing.T, o Options, spec Spec) {
	t.Helper()
	kubelet := find(t, o, "node-1", "kubelet")
	want := spec.cgroup(*spec.Host("node-1")) + "/" + ownCgroup + "\n"
	if have, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", kubelet.PID)); err != nil || !strings.Contains(string(have), want) {
		t.Errorf("the kubelet is in %s, %v; want %s", have, err, want)
	}
}

func TestUnderSystemdAClusterLivesInAScopeOfItsOwnThatGoesWithIt(t *testing.T) {
	if _, err := os.Stat("/lib/systemd/systemd"); err != nil {
		t.Skip("needs systemd, which here may be any machine's first process but this one's")
	}
	if mounts, err := os.ReadFile("/proc/mounts"); err != nil || !strings.Contains(string(mounts), " cgroup2 ") {
		t.Skip("needs cgroup v2, at least beside v1")
	}
	onMachine(t, systemd, func(t *testing.T, o Options) {
		triedLimits = containers.Resources{}
		for range 2 { // the second time the first one's scope must not be in the way
			spec := up(t, o)
			if want := "/system.slice/kubelab-" + o.Name + ".scope"; spec.CgroupRoot != want {
				t.Errorf("the cluster lives in %s, want %s", spec.CgroupRoot, want)
			}
			checkInLeaf(t, o, spec)
			tasks, err := os.ReadFile(filepath.Join(cgroupMount, spec.CgroupRoot, "pids.max"))
			if err == nil && strings.TrimSpace(string(tasks)) != "max" { // beside cgroup v1 the controller is not to be had
				t.Errorf("all nodes together may have only %s tasks", tasks)
			}
			for _, host := range []string{"node-1", "node-2"} { // the scope must outlive each of its processes
				if err := Kill(t.Context(), o.Name, host); err != nil {
					t.Fatal(err)
				}
			}
			if err := Start(t.Context(), o.Name, "node-1"); err != nil {
				t.Fatal(err)
			}
			askUntil(t, "control-plane", spec, "node-1")
			if err := Down(t.Context(), o.Name, o.DataDir, false); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(filepath.Join(cgroupMount, spec.CgroupRoot)); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the scope is still there: %v", err)
			}
		}
	})
}

func TestTheScopeOfAClusterIsOursToDivideAndHasNoLimitOfTasks(t *testing.T) {
	have := map[string]any{}
	for _, property := range scopeProperties("lab", 7) {
		have[property.Name] = property.Value.Value()
	}
	if have["Delegate"] != true || have["TasksMax"] != uint64(math.MaxUint64) {
		t.Errorf("systemd is asked for %v", have)
	}
}

func TestAComponentThatIsKilledComesBackAndTheOthersStay(t *testing.T) {
	onEmptyMachine(t, func(t *testing.T, o Options) {
		up(t, o)
		proxy, kubelet := find(t, o, "node-1", "proxy"), find(t, o, "node-1", "kubelet")
		killed, err := KillComponent(t.Context(), o.Name, "proxy", "node-1")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]Running{{"node-1", "proxy", proxy}}, killed); diff != "" {
			t.Errorf("killed, -want +got:\n%s", diff)
		}
		waitFor(t, "another proxy runs", func() bool { return find(t, o, "node-1", "proxy") != proxy })
		if now := find(t, o, "node-1", "kubelet"); now != kubelet {
			t.Errorf("the kubelet was %v and is %v", kubelet, now)
		}
	})
}

func TestAComponentThatTheClusterDoesNotHaveIsNotKilledAndThoseItHasAreNamed(t *testing.T) {
	onEmptyMachine(t, func(t *testing.T, o Options) {
		up(t, o)
		for name, host := range map[string]string{"kubelet": "control-plane", "etcdd": ""} {
			if killed, err := KillComponent(t.Context(), o.Name, name, host); err == nil || !strings.Contains(err.Error(), "etcd@control-plane") {
				t.Errorf("%s@%s: killed %v, %v", name, host, killed, err)
			}
		}
	})
}

func TestAPowerCutEndsEverythingOnTheHostAndItStaysOffUntilSomebodySwitchesItOn(t *testing.T) {
	onEmptyMachine(t, func(t *testing.T, o Options) {
		spec := up(t, o)
		askUntil(t, "control-plane", spec, "node-1")
		if err := Kill(t.Context(), o.Name, "node-1"); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(hierarchies()[0], spec.cgroup(*spec.Host("node-1")))); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("its cgroup is still there: %v", err)
		}
		watching, stop := context.WithCancel(t.Context())
		var supervisor sync.WaitGroup
		supervisor.Go(func() { _ = Supervise(watching, o.Name) })
		defer supervisor.Wait()
		defer stop()
		// To see that the supervisor leaves it off, wait until it has brought back another one.
		control, err := readState(o.Name)
		if err != nil {
			t.Fatal(err)
		}
		if err := control.Processes["control-plane"].Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		askUntil(t, "node-2", spec, "control-plane")
		state, err := readState(o.Name)
		if err != nil {
			t.Fatal(err)
		}
		if state.Processes["node-1"].Alive() {
			t.Error("node-1 was started again, though a person switched it off")
		}
		if err := Start(t.Context(), o.Name, "node-1"); err != nil {
			t.Fatal(err)
		}
		askUntil(t, "control-plane", spec, "node-1")
	})
}

func TestACutCableSeparatesAHostThatRunsOn(t *testing.T) {
	onEmptyMachine(t, func(t *testing.T, o Options) {
		spec := up(t, o)
		askUntil(t, "node-1", spec, "node-2")
		if err := Cut(t.Context(), o.Name, "node-2"); err != nil {
			t.Fatal(err)
		}
		if answer, err := askHost("node-1", spec, "node-2"); err == nil {
			t.Errorf("an answer through a cut cable: %+v", answer)
		}
		find(t, o, "node-2", "kubelet") // the host runs on
		if err := Mend(t.Context(), o.Name, "node-2"); err != nil {
			t.Fatal(err)
		}
		askUntil(t, "node-1", spec, "node-2")
	})
}

func TestANodeCanBeAddedToAClusterThatIsUp(t *testing.T) {
	onEmptyMachine(t, func(t *testing.T, o Options) {
		up(t, o)
		host, err := Add(t.Context(), o.Name, 1, 256<<20)
		if err != nil {
			t.Fatal(err)
		}
		spec, list, err := List(o.Name)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) != 4 || !list[3].Running || list[3].Name != host.Name {
			t.Errorf("hosts: %+v", list)
		}
		askUntil(t, "node-1", spec, host.Name)
	})
}

func TestHostsReachTheWorldWithTheMachinesAddress(t *testing.T) {
	onEmptyMachine(t, func(t *testing.T, o Options) {
		defer outside(t)()
		spec := up(t, o)
		if answer := askAtUntil(t, "node-1", spec, "198.51.100.2:80"); answer.Asker != "198.51.100.1" {
			t.Errorf("the world sees %q, want 198.51.100.1", answer.Asker)
		}
	})
}

func TestTheHostsOfAnIsolatedClusterReachOnlyEachOther(t *testing.T) {
	onEmptyMachine(t, func(t *testing.T, o Options) {
		o.Isolated = true
		spec := up(t, o)
		askUntil(t, "node-1", spec, "node-2")
		links, err := netlink.LinkList()
		if err != nil || len(links) != 1 {
			t.Errorf("the machine has a leg in the network: %v, %v", links, err)
		}
		if _, err := askAt("node-1", spec, "198.51.100.2:80"); !errors.Is(err, syscall.ENETUNREACH) {
			t.Errorf("there is a way out: %v", err)
		}
		// The machine's programs reach the API all the same.
		waitFor(t, "the forwarder leads to the API server", func() bool {
			conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", spec.Port))
			if err != nil {
				return false
			}
			answer, err := hear(conn)
			return err == nil && answer.Hostname == "control-plane"
		})
	})
}

func TestTheForwarderFindsTheAPIServerAgainAfterAPowerCut(t *testing.T) {
	onEmptyMachine(t, func(t *testing.T, o Options) {
		spec := up(t, o)
		answers := func() bool {
			conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", spec.Port))
			if err != nil {
				return false
			}
			_, err = hear(conn)
			return err == nil
		}
		waitFor(t, "the API server answers", answers)
		if err := Kill(t.Context(), o.Name, "control-plane"); err != nil {
			t.Fatal(err)
		}
		if answers() {
			t.Error("who answers?")
		}
		if err := Start(t.Context(), o.Name, "control-plane"); err != nil {
			t.Fatal(err)
		}
		waitFor(t, "it answers again", answers)
	})
}
