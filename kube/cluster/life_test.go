//go:build linux

package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
	"k8s.io/client-go/tools/clientcmd"

	"kubelab/kube/containers"
	"kubelab/kube/fsuser"
	"kubelab/kube/mounts"
	"kubelab/kube/podnet"
)

func TestASecondUpFindsTheClusterRunning(t *testing.T) {
	onEmptyMachine(t, func(t *testing.T, o Options) {
		var both sync.WaitGroup
		found := make([]bool, 2)
		for i := range found {
			both.Go(func() {
				_, before, err := Up(t.Context(), o)
				if err != nil {
					t.Error(err)
				}
				found[i] = before == Supervised
			})
		}
		both.Wait()
		if found[0] == found[1] {
			t.Errorf("one of two starts it and the other finds it: %v", found)
		}
	})
}

func TestTheMachineForwardsUntilTheLastClusterIsDown(t *testing.T) {
	onEmptyMachine(t, func(t *testing.T, o Options) {
		o.Nodes = 0
		isolated := o
		isolated.Name, isolated.DataDir, isolated.Isolated = o.Name+"x", o.DataDir+"x", true
		up(t, isolated)
		up(t, o)
		for _, end := range []struct {
			cluster Options
			forward string
		}{{o, "1"}, {isolated, "0"}} {
			if err := Down(t.Context(), end.cluster.Name, end.cluster.DataDir, false); err != nil {
				t.Fatal(err)
			}
			if now, err := os.ReadFile(forwardingSwitch); err != nil || strings.TrimSpace(string(now)) != end.forward {
				t.Errorf("after the end of %s: %q, %v; want %s", end.cluster.Name, now, err, end.forward)
			}
		}
	})
}

func TestUpAdoptsWhatASupervisorLeftBehind(t *testing.T) {
	onEmptyMachine(t, func(t *testing.T, o Options) {
		up(t, o)
		leaveSupervisor(t, o)
		before, err := readState(o.Name)
		if err != nil {
			t.Fatal(err)
		}
		up(t, o)
		after, err := readState(o.Name)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before.Processes, after.Processes); diff != "" {
			t.Errorf("something was started again (-before +after):\n%s", diff)
		}
	})
}

func TestUpSwitchesTheControlPlaneOnAgainAndLeavesNodesThatAPersonSwitchedOff(t *testing.T) {
	onEmptyMachine(t, func(t *testing.T, o Options) {
		up(t, o)
		for _, host := range []string{"control-plane", "node-1"} {
			if err := Kill(t.Context(), o.Name, host); err != nil {
				t.Fatal(err)
			}
		}
		leaveSupervisor(t, o)
		up(t, o)
		state, err := readState(o.Name)
		if err != nil {
			t.Fatal(err)
		}
		want := Observed{
			Alive:   map[string]bool{"forward": true, "site": true, "control-plane": true, "node-1": false, "node-2": true},
			Stopped: map[string]bool{"node-1": true},
		}
		if diff := cmp.Diff(want, state.observe()); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

// leaveSupervisor makes the state that of a cluster whose supervisor was killed.
func leaveSupervisor(t *testing.T, o Options) {
	t.Helper()
	c, err := open(o.Name)
	if err != nil {
		t.Fatal(err)
	}
	defer c.release()
	if err := c.change(func(state *State) { state.Supervisor.Start++ }); err != nil { // the number now belongs to somebody else
		t.Fatal(err)
	}
}

func TestDownWithKeptDataIsGoneOnFromByTheNextUp(t *testing.T) {
	onEmptyMachine(t, func(t *testing.T, o Options) {
		first := up(t, o)
		mark := filepath.Join(o.DataDir, "etcd", "mark")
		if err := os.MkdirAll(filepath.Dir(mark), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(mark, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := Down(t.Context(), o.Name, o.DataDir, true); err != nil {
			t.Fatal(err)
		}
		o.Nodes = -1
		if diff := cmp.Diff(first.Hosts, up(t, o).Hosts, cmp.Comparer(equalHosts)); diff != "" {
			t.Errorf("-first +second:\n%s", diff)
		}
		if _, err := os.Stat(mark); err != nil {
			t.Error(err)
		}
	})
}

func equalHosts(a, b Host) bool { return a == b }

func TestDownTakesTheContextOutOfEveryKubeconfigThatItWasPutInto(t *testing.T) {
	onEmptyMachine(t, func(t *testing.T, o Options) {
		up(t, o)
		var paths []string
		for i := range 2 {
			t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), fmt.Sprint(i)))
			path, err := AddContext(o.Name)
			if err != nil {
				t.Fatal(err)
			}
			config, err := clientcmd.LoadFromFile(path)
			if err != nil || config.CurrentContext != "kubelab-"+o.Name {
				t.Errorf("context %q, %v", config.CurrentContext, err)
			}
			paths = append(paths, path)
		}
		if err := Down(t.Context(), o.Name, o.DataDir, false); err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s: %v", path, err)
			}
		}
	})
}

func TestDownTakesTheContextOutAlsoAfterTheMachineWasStartedAnew(t *testing.T) {
	onEmptyMachine(t, func(t *testing.T, o Options) {
		spec := up(t, o)
		path, err := AddContext(o.Name)
		if err != nil {
			t.Fatal(err)
		}
		state, err := readState(o.Name)
		if err != nil {
			t.Fatal(err)
		}
		for _, process := range state.Processes { // as a reboot does, which empties /run too
			if err := process.Signal(syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			process.Wait(-1)
		}
		if err := errors.Join(removeUplink(t.Context(), spec), removeSwitch(o.Name), os.RemoveAll(clusterDir(o.Name))); err != nil {
			t.Fatal(err)
		}
		if err := Down(t.Context(), o.Name, o.DataDir, false); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: %v", path, err)
		}
	})
}

func TestDownClearsAwayWhatIsHalfThere(t *testing.T) {
	onEmptyMachine(t, func(t *testing.T, o Options) {
		up(t, o)
		state, err := readState(o.Name)
		if err != nil {
			t.Fatal(err)
		}
		if err := state.Processes["node-1"].Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		if err := removeSwitch(o.Name); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(o.DataDir, specFile)); err != nil {
			t.Fatal(err)
		}
		if err := Down(t.Context(), o.Name, o.DataDir, false); err != nil {
			t.Error(err)
		}
		if err := Down(t.Context(), o.Name, o.DataDir, false); !errors.Is(err, ErrNotUp) {
			t.Errorf("a second time: %v", err)
		}
	})
}

func TestAStartThatCannotGoOnLeavesNothing(t *testing.T) {
	onEmptyMachine(t, func(t *testing.T, o Options) {
		taken, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer taken.Close()
		o.Port = taken.Addr().(*net.TCPAddr).Port
		_, _, err = Up(t.Context(), o)
		if err == nil || !strings.Contains(err.Error(), fmt.Sprint(o.Port)) || !strings.Contains(err.Error(), "--port") {
			t.Errorf("the port is taken: %v", err)
		}
		o.Port = 0
		if err := os.Remove(filepath.Join(o.Bin, "kube")); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(o.Bin, "kube"), []byte("no program"), 0o755); err != nil {
			t.Fatal(err)
		}
		if _, _, err = Up(t.Context(), o); !errors.Is(err, syscall.ENOEXEC) {
			t.Errorf("the program is none: %v", err)
		}
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(os.Remove(filepath.Join(o.Bin, "kube")), os.Symlink(self, filepath.Join(o.Bin, "kube"))); err != nil {
			t.Fatal(err)
		}
	})
}

func TestAPlaceForTheStateThatCannotBeWrittenIsNamedWithARemedy(t *testing.T) {
	onEmptyMachine(t, func(t *testing.T, o Options) {
		if err := errors.Join(os.MkdirAll(runDir, 0o700), unix.Mount("none", runDir, "tmpfs", unix.MS_RDONLY, "")); err != nil {
			t.Fatal(err)
		}
		_, _, err := Up(t.Context(), o)
		if !errors.Is(err, unix.EROFS) || !strings.Contains(err.Error(), "Remedy: ") {
			t.Errorf("it says %v", err)
		}
		if err := errors.Join(unix.Unmount(runDir, 0), os.Remove(runDir)); err != nil {
			t.Fatal(err)
		}
	})
}

func TestAClusterWhoseStateCannotBeKeptLeavesNoFiles(t *testing.T) {
	onEmptyMachine(t, func(t *testing.T, o Options) {
		lock, err := lockCluster(o.Name, true)
		if err != nil {
			t.Fatal(err)
		}
		c := &Cluster{lock: lock}
		defer c.release()
		if err := os.RemoveAll(clusterDir(o.Name)); err != nil { // where the state is kept
			t.Fatal(err)
		}
		if _, err := c.found(o); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("it says %v", err)
		}
		if _, err := os.Stat(o.DataDir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the data directory: %v", err)
		}
	})
}

func TestADirectoryWithOtherFilesIsNeitherUsedNorRemoved(t *testing.T) {
	onEmptyMachine(t, func(t *testing.T, o Options) {
		theirs := filepath.Join(t.TempDir(), "precious")
		if err := os.WriteFile(theirs, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		o.DataDir = filepath.Dir(theirs)
		if _, _, err := Up(t.Context(), o); err == nil || !strings.Contains(err.Error(), "--data-dir") {
			t.Errorf("up: %v", err)
		}
		if err := Down(t.Context(), o.Name, o.DataDir, false); !errors.Is(err, ErrNotUp) {
			t.Errorf("down: %v", err)
		}
		if _, err := os.Stat(theirs); err != nil {
			t.Error(err)
		}
	})
}

func TestTriesThatWereKilledAreInNobodysWay(t *testing.T) {
	onEmptyMachine(t, func(t *testing.T, o Options) {
		o.Nodes = 0
		var overlay string
		killed := func(dir string) {
			overlay = filepath.Join(dir, ".kubelab-try-"+o.Name)
			for _, name := range []string{"try-switch/switch", "try-service/node", "try-service/netns/server"} {
				path := filepath.Join(clusterDir(o.Name), name)
				if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), podnet.NewNetNS(path)); err != nil {
					t.Fatal(err)
				}
			}
			err := errors.Join(os.MkdirAll(filepath.Join(overlay, "work", "work"), 0), containers.LimitCgroup("/kubelab-try-"+o.Name, triedLimits))
			if err != nil {
				t.Fatal(err)
			}
		}
		gone := func(when string, paths ...string) {
			for _, root := range hierarchies() {
				paths = append(paths, filepath.Join(root, "kubelab-try-"+o.Name))
			}
			for _, path := range append(paths, overlay) {
				if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("after %s there is %s: %v", when, path, err)
				}
			}
		}
		before := filepath.Dir(o.DataDir) // where the data will be
		killed(before)
		if err := Down(t.Context(), o.Name, o.DataDir, false); !errors.Is(err, ErrNotUp) {
			t.Error(err)
		}
		gone("down", clusterDir(o.Name))
		killed(before)
		up(t, o)
		gone("up", filepath.Join(clusterDir(o.Name), "try-switch"), filepath.Join(clusterDir(o.Name), "try-service"))
		killed(o.DataDir)
		if err := Down(t.Context(), o.Name, o.DataDir, false); err != nil {
			t.Error(err)
		}
		gone("down of a cluster", clusterDir(o.Name))
	})
}

func TestAMountIsSeenWhateverTheNameOfItsDirectory(t *testing.T) {
	onEmptyMachine(t, func(t *testing.T, _ Options) {
		dir := filepath.Join(t.TempDir(), "a \t\\b")
		point := filepath.Join(dir, "mounted")
		if err := errors.Join(os.MkdirAll(point, 0o700), unix.Mount("none", point, "tmpfs", 0, "")); err != nil {
			t.Fatal(err)
		}
		if found, err := mounts.Below(dir); err != nil || !slices.Equal(found, []string{point}) {
			t.Errorf("%q, %v", found, err)
		}
		if err := mounts.Drop(dir); err != nil {
			t.Error(err)
		}
	})
}

func TestAClusterOnADiskOfItsOwnThatIsFullIsMendedByTheNextUpAndTakenDown(t *testing.T) {
	onEmptyMachine(t, func(t *testing.T, o Options) {
		o.Nodes = 0
		if err := errors.Join(os.Mkdir(o.DataDir, 0o755), unix.Mount("none", o.DataDir, "tmpfs", 0, "")); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := errors.Join(Down(t.Context(), o.Name, o.DataDir, false), unix.Unmount(o.DataDir, 0), os.Remove(o.DataDir)); err != nil {
				t.Error(err)
			}
		}()
		spec := up(t, o)
		if err := unix.Mount("none", o.DataDir, "", unix.MS_REMOUNT, "size=20m"); err != nil {
			t.Fatal(err)
		}
		leg, err := netlink.LinkByName(legName(spec.Network))
		if err != nil {
			t.Fatal(err)
		}
		had, err := netlink.AddrList(leg, netlink.FAMILY_V4)
		if err != nil || len(had) != 1 {
			t.Fatal(had, err)
		}
		if err := netlink.AddrDel(leg, &had[0]); err != nil {
			t.Fatal(err)
		}
		if _, before, err := Up(t.Context(), o); err != nil || before != Supervised {
			t.Fatal(before, err)
		}
		if has, err := netlink.AddrList(leg, netlink.FAMILY_V4); err != nil || len(has) != 1 || !has[0].Equal(had[0]) {
			t.Errorf("the address was %v and is %v, %v", had, has, err)
		}
	})
}

func TestWhoMayNotSeeWhatIsKeptOfAClusterIsToldToSaySudo(t *testing.T) {
	onEmptyMachine(t, func(t *testing.T, o Options) {
		dir := DefaultDataDir(o.Name)
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		if err := writeSpec(Spec{Name: o.Name, DataDir: dir, Bin: "/clone/bin"}); err != nil {
			t.Fatal(err)
		}
		for say, as := range map[string]fsuser.User{"say it with sudo": {UID: 65534, GID: 65534}, "sudo /clone/bin/kube up --name " + o.Name: {}} {
			var said error
			if err := as.Do(func() error { said = notUp(o.Name); return nil }); err != nil {
				t.Fatal(err)
			}
			if !errors.Is(said, ErrNotUp) || !strings.Contains(said.Error(), say) {
				t.Errorf("it says %v, want %q", said, say)
			}
		}
	})
}

func TestAFileThatWasHalfWrittenIsInNobodysWay(t *testing.T) {
	onEmptyMachine(t, func(t *testing.T, o Options) {
		o.Nodes = 0
		err := errors.Join(os.MkdirAll(filepath.Join(o.DataDir, "lost+found"), 0o700),
			os.WriteFile(filepath.Join(o.DataDir, ".cluster.json.2718"), []byte(`{"Name`), 0o600))
		if err != nil {
			t.Fatal(err)
		}
		up(t, o)
		if err := os.WriteFile(filepath.Join(o.DataDir, ".admin.kubeconfig.31"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := Down(t.Context(), o.Name, o.DataDir, false); err != nil {
			t.Error(err)
		}
		if err := os.Remove(filepath.Join(o.DataDir, "lost+found")); err != nil {
			t.Error(err)
		}
		if err := os.Remove(o.DataDir); err != nil {
			t.Error(err)
		}
	})
}

func TestTheStateOfAnEarlierLifeOfTheMachineIsNotBelieved(t *testing.T) {
	onEmptyMachine(t, func(t *testing.T, o Options) {
		up(t, o)
		leaveSupervisor(t, o)
		c, err := open(o.Name)
		if err != nil {
			t.Fatal(err)
		}
		old := c.state.Processes
		err = c.change(func(state *State) { state.Boot = "another life" })
		c.release()
		if err != nil {
			t.Fatal(err)
		}
		if state, err := readState(o.Name); err != nil || len(state.Processes) > 0 {
			t.Errorf("whoever now has the numbers of these processes would be killed: %v, %v", state.Processes, err)
		}
		for _, process := range old { // as a reboot does
			if err := process.Signal(syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			process.Wait(-1)
		}
		spec := up(t, o)
		askUntil(t, "node-1", spec, "control-plane")
		state, err := readState(o.Name)
		if err != nil {
			t.Fatal(err)
		}
		for name, process := range state.Processes {
			if slices.Contains([]Process{old[name]}, process) {
				t.Errorf("%s is still the old one", name)
			}
		}
	})
}

func TestANameLeadsToNoOtherDirectory(t *testing.T) {
	onEmptyMachine(t, func(t *testing.T, o Options) {
		other := filepath.Join(runDir, "other", "file")
		if err := errors.Join(os.MkdirAll(filepath.Dir(other), 0o700), os.WriteFile(other, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"", ".", "..", "x/../other", "../kubelab"} {
			if err := Down(t.Context(), name, o.DataDir, false); err == nil || errors.Is(err, ErrNotUp) || !strings.Contains(err.Error(), "--name") {
				t.Errorf("down of %q: %v", name, err)
			}
			if _, err := os.Stat(other); err != nil {
				t.Fatalf("after down of %q: %v", name, err)
			}
		}
		if err := os.RemoveAll(runDir); err != nil {
			t.Error(err)
		}
	})
}

func TestHiddenFilesOfAPersonAreNotTakenForACluster(t *testing.T) {
	for _, name := range []string{".site.yml", ".hosts.bak", ".cluster.json.orig", ".log.7/notes"} {
		dir := t.TempDir()
		file := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, nil, 0o644)); err != nil {
			t.Fatal(err)
		}
		if err := claim(dir); err == nil {
			t.Errorf("a directory with %s counts as empty", name)
		}
		if err := removeFiles(dir); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(file); err != nil {
			t.Error(err)
		}
	}
}
