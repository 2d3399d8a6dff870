//go:build linux

package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"k8s.io/apimachinery/pkg/util/rand"

	"kubelab/kube/mounts"
	"kubelab/kube/podnet"
)

// machineMark is set in the environment of a test that runs on an empty machine, to the kind of machine.
const machineMark = "KUBELAB_TEST_MACHINE"

const (
	asItIs  = "as it is"
	cgroup2 = "with cgroup v2" // and no controllers, where those are busy with cgroup v1
	systemd = "with systemd"   // as its first process, and cgroup v2
)

// onEmptyMachine runs a test by itself on a machine of its own: new namespaces around a new process. What
// it leaves there of processes, interfaces, mounts, rules or files is an error.
func onEmptyMachine(t *testing.T, test func(t *testing.T, o Options)) {
	t.Helper()
	onMachine(t, asItIs, test)
}

func onMachine(t *testing.T, kind string, test func(t *testing.T, o Options)) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: hosts are made of namespaces and cgroups")
	}
	if os.Getenv(machineMark) == "" {
		command := machineCommand(t, kind)
		command.Env = append(os.Environ(), machineMark+"="+kind)
		output, err := command.CombinedOutput()
		if err != nil {
			t.Errorf("on an empty machine: %v\n%s", err, output)
		} else {
			t.Logf("on an empty machine:\n%s", output)
		}
		return
	}
	dir := "/run/lab" // on the machine's own file system, which goes with it
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("KUBECONFIG", filepath.Join(dir, "kubeconfig"))
	bin := filepath.Join(dir, "bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, program := range []string{"kube", "kube-shim", "kube-pause"} {
		if err := os.Symlink(self, filepath.Join(bin, program)); err != nil {
			t.Fatal(err)
		}
	}
	options := Options{Name: "t" + rand.String(6), DataDir: filepath.Join(dir, "data"), Bin: bin, Nodes: 2}
	before := machineState(t, options)
	defer func() { // also when the test ends in the middle: cgroups outlive the machine
		if t.Failed() {
			tellLogs(t, options)
		}
		if err := Down(context.Background(), options.Name, options.DataDir, false); err != nil && !errors.Is(err, ErrNotUp) {
			t.Error(err)
		}
		if diff := cmp.Diff(before, machineState(t, options)); diff != "" {
			t.Errorf("the machine is not as it was (-before +after):\n%s", diff)
		}
	}()
	test(t, options)
}

// machineCommand runs the test again, on a machine of its own.
func machineCommand(t *testing.T, kind string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	again := []string{self, "-test.run=^" + t.Name() + "$", "-test.v", "-test.count=1"}
	if kind == systemd {
		return exec.Command("testdata/systemd.sh", append([]string{t.TempDir()}, again...)...)
	}
	command := exec.Command(again[0], again[1:]...)
	command.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWIPC, Pdeathsig: syscall.SIGKILL}
	return command
}

func tellLogs(t *testing.T, o Options) {
	logs, _ := filepath.Glob(filepath.Join(o.DataDir, "hosts", "*", "log", "*"))
	for _, path := range logs {
		if content, err := os.ReadFile(path); err == nil && len(content) > 0 {
			t.Logf("%s:\n%s", path, content)
		}
	}
}

// machineState is all of an empty machine that a cluster changes.
func machineState(t *testing.T, o Options) map[string][]string {
	t.Helper()
	run := func(args ...string) []string {
		output, err := exec.Command(args[0], args[1:]...).Output()
		if err != nil {
			t.Fatalf("%v: %v", args, err)
		}
		return strings.Split(string(output), "\n")
	}
	read := func(path string) []string {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Split(string(content), "\n")
	}
	var links, cgroups []string
	all, err := netlink.LinkList()
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range all {
		links = append(links, link.Attrs().Name)
	}
	for _, root := range hierarchies() {
		found, _ := filepath.Glob(filepath.Join(root, "*", o.Name))
		cgroups = append(cgroups, found...)
	}
	mounts, err := mounts.Below("/run") // elsewhere there are those that the real machine had at the time
	if err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(filepath.Dir(o.DataDir), "*"))
	runFiles, _ := filepath.Glob("/run/*")
	return map[string][]string{
		"processes": programs(), "links": links, "cgroups": cgroups, "files": append(files, runFiles...),
		"mounts": mounts, "rules": run("nft", "list", "ruleset"), "forwarding": read(forwardingSwitch),
	}
}

// up starts a cluster as kube up does.
func up(t *testing.T, o Options) Spec {
	t.Helper()
	spec, before, err := Up(t.Context(), o)
	if err != nil || before == Supervised {
		t.Fatalf("up: before=%d, %v", before, err)
	}
	return spec
}

// waitFor waits until yes says so.
func waitFor(t *testing.T, what string, yes func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !yes(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// askHost asks a host, from another one, what it is like there.
func askHost(from string, spec Spec, to string) (facts, error) {
	return askAt(from, spec, apiAddress(spec.Host(to).Address))
}

func askAt(from string, spec Spec, address string) (facts, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	conn, err := DialFrom(ctx, spec.Name, from, "tcp", address)
	if err != nil {
		return facts{}, err
	}
	return hear(conn)
}

func hear(conn net.Conn) (facts, error) {
	defer conn.Close()
	if err := conn.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
		return facts{}, err
	}
	var f facts
	return f, json.NewDecoder(conn).Decode(&f)
}

// askUntil asks a host until there is an answer.
func askUntil(t *testing.T, from string, spec Spec, to string) facts {
	t.Helper()
	return retry(t, to+" answers "+from, func() (facts, error) { return askHost(from, spec, to) })
}

// askAtUntil asks at an address until there is an answer.
func askAtUntil(t *testing.T, from string, spec Spec, address string) facts {
	t.Helper()
	return retry(t, address+" answers "+from, func() (facts, error) { return askAt(from, spec, address) })
}

func retry(t *testing.T, what string, ask func() (facts, error)) (answer facts) {
	t.Helper()
	waitFor(t, what, func() bool {
		var err error
		answer, err = ask()
		return err == nil
	})
	return answer
}

// outside plugs another machine into ours, which tells who asks it. It is at 198.51.100.2, we are at .1.
func outside(t *testing.T) (remove func()) {
	t.Helper()
	path := "/run/outside"
	if err := podnet.NewNetNS(path); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	cable := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "out"}, PeerName: hostNIC, PeerNamespace: netlink.NsFd(file.Fd())}
	if err := netlink.LinkAdd(cable); err != nil {
		t.Fatal(err)
	}
	if err := setAddress("out", netip.MustParsePrefix("198.51.100.1/24")); err != nil {
		t.Fatal(err)
	}
	err = podnet.Do(path, func() error {
		if err := setAddress(hostNIC, netip.MustParsePrefix("198.51.100.2/24")); err != nil {
			return err
		}
		listener, err := net.Listen("tcp", "198.51.100.2:80")
		if err != nil {
			return err
		}
		go func() {
			for {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				asker, _, _ := net.SplitHostPort(conn.RemoteAddr().String())
				_ = json.NewEncoder(conn).Encode(facts{Asker: asker})
				_ = conn.Close()
			}
		}()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := errors.Join(podnet.RemoveNetNS(path), netlink.LinkDel(cable)); err != nil {
			t.Error(err)
		}
	}
}

// find is a component's process on a host, once it runs.
func find(t *testing.T, o Options, host, component string) (process Process) {
	t.Helper()
	waitFor(t, component+" runs", func() bool {
		all, err := Components(o.Name)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(all, func(r Running) bool { return r.Host == host && r.Name == component })
		if i < 0 {
			t.Fatalf("%s is to have %s: %v", host, component, all)
		}
		process = all[i].Process
		return process.Alive()
	})
	return process
}

func sorted(list []string) []string {
	slices.Sort(list)
	return list
}
