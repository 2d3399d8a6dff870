//go:build linux

package containers_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"kubelab/kube/containers"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// stdout runs a script in a container of its own and returns what it prints.
func (p *pod) stdout(c containers.Config) string {
	p.t.Helper()
	out, status := p.runToEnd(c)
	if status.ExitCode != 0 {
		p.t.Errorf("container %s: %+v\n%s", c.ID, status, out)
	}
	return strings.ReplaceAll(out, "stdout F ", "")
}

func TestContainersOfAPodShareHostnameAndMemoryButNotFilesAndProcesses(t *testing.T) {
	p := newPod(t)
	p.run(busyboxContainer("a", "touch /mine; echo shared > /dev/shm/note; echo ready; sleep 1000"))
	waitFor(t, "the first container", func() bool { return len(p.output("a")) == 1 })
	got := p.stdout(busyboxContainer("b", "hostname; cat /dev/shm/note; ls /mine 2>&1; ps -o args | grep -c 'sleep 100[0]'; echo pid $$"))
	want := "web-0\nshared\nls: /mine: No such file or directory\n0\npid 1"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	a, _ := p.Status(p.ctx, "a")
	p.run(busyboxContainer("c", "sleep 1000"))
	c, _ := p.Status(p.ctx, "c")
	for kind, same := range map[string]bool{"uts": true, "ipc": true, "mnt": false, "pid": false} {
		if got := namespace(a.PID, kind) == namespace(c.PID, kind); got != same {
			t.Errorf("two containers share their %s namespace: %v", kind, got)
		}
		if namespace(a.PID, kind) == namespace(os.Getpid(), kind) {
			t.Errorf("a container is in our %s namespace", kind)
		}
	}
	if namespace(a.PID, "net") != namespace(os.Getpid(), "net") {
		t.Error("with no NetNS the container is not in the host's network")
	}
}

func namespace(pid int, kind string) string {
	name, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", pid, kind))
	if err != nil {
		return err.Error()
	}
	return name
}

func TestContainersJoinTheNetworkNamespaceTheyAreGiven(t *testing.T) {
	netns := newNetNS(t)
	p := newPod(t, func(s *containers.Sandbox) {
		s.NetNS = netns
	})
	if got := p.stdout(busyboxContainer("a", "cat /proc/net/dev | tail -n +3 | wc -l")); got != "1" {
		t.Errorf("network devices: %q, want lo alone", got)
	}
}

// newNetNS makes a network namespace with a name, as kube/podnet does.
func newNetNS(t *testing.T) string {
	t.Helper()
	if missing != "" {
		t.Skip(missing)
	}
	path := filepath.Join(t.TempDir(), "netns")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	made := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		err := unix.Unshare(unix.CLONE_NEWNET)
		if err == nil {
			err = unix.Mount("/proc/thread-self/ns/net", path, "", unix.MS_BIND, "")
		}
		made <- err
	}()
	if err := <-made; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Unmount(path, unix.MNT_DETACH) })
	return path
}

func TestAContainerMayDoLittleMoreThanAnOrdinaryUser(t *testing.T) {
	p := newPod(t)
	probe := "grep CapEff /proc/self/status | tr -d '\\t'; mount -t tmpfs x /tmp 2>&1; cat /proc/kcore | wc -c; touch /proc/sys/kernel/x 2>&1; echo > /sys/x; touch /ro"
	for id, test := range map[string]struct {
		change func(*containers.Config)
		want   []string
	}{
		"default": {func(*containers.Config) {}, []string{
			"CapEff:00000000a80425fb", "mount: permission denied (are you root?)", "0", "Read-only file system"}},
		"unprivileged": {func(c *containers.Config) { c.User = "alice" }, []string{
			"CapEff:0000000000000000", "touch: /ro: Permission denied"}},
		"dropped":  {func(c *containers.Config) { c.CapDrop, c.CapAdd = []string{"ALL"}, []string{"KILL"} }, []string{"CapEff:0000000000000020"}},
		"readonly": {func(c *containers.Config) { c.ReadonlyRootfs = true }, []string{"touch: /ro: Read-only file system"}},
	} {
		c := busyboxContainer(id, probe+"; true")
		test.change(&c)
		p.run(c)
		p.exit(id)
		out := strings.Join(p.output(id), "\n")
		for _, want := range test.want {
			if !strings.Contains(out, want) {
				t.Errorf("%s: no %q in\n%s", id, want, out)
			}
		}
	}
	c := busyboxContainer("privileged", "mount -t tmpfs x /tmp && ls /dev/zero /dev/kmsg && touch /sys/fs/cgroup")
	c.Privileged = true
	if out, status := p.runToEnd(c); status.ExitCode != 0 {
		t.Errorf("privileged: %+v\n%s", status, out)
	}
}

func TestMountsComeInOrderAndKeepTheirAccess(t *testing.T) {
	p := newPod(t)
	dir := t.TempDir()
	for _, sub := range []string{"outer", "inner"} {
		if err := os.MkdirAll(filepath.Join(dir, sub, "sub"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, sub, "file"), []byte(sub+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c := busyboxContainer("a", "cat /m/file /m/sub/file /etc/one; touch /m/x && echo wrote; touch /m/sub/x")
	c.Mounts = []containers.Mount{
		{Source: filepath.Join(dir, "inner"), Target: "/m/sub", ReadOnly: true},
		{Source: filepath.Join(dir, "outer"), Target: "/m"},
		{Source: filepath.Join(dir, "inner/file"), Target: "/etc/one"},
	}
	p.run(c)
	p.exit("a")
	want := []string{"stdout F outer", "stdout F inner", "stdout F inner", "stdout F wrote",
		"stderr F touch: /m/sub/x: Read-only file system"}
	got := p.output("a")
	for _, line := range want {
		if !strings.Contains(strings.Join(got, "\n"), line) {
			t.Errorf("no %q in %q", line, got)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "outer", "x")); err != nil {
		t.Errorf("what the container wrote to a volume: %v", err)
	}
}

func TestASetUserIDProgramGivesRightsInTheImageButNotOnAMount(t *testing.T) {
	p := newPod(t)
	options := func(id string, privileged bool) (root, mount string) {
		c := busyboxContainer(id, "grep ' / ' /proc/mounts; grep ' /m ' /proc/mounts")
		c.Privileged, c.Mounts = privileged, []containers.Mount{{Source: t.TempDir(), Target: "/m"}}
		root, mount, _ = strings.Cut(p.stdout(c), "\n")
		return root, mount
	}
	root, mount := options("ordinary", false)
	if strings.Contains(root, "nosuid") || !strings.Contains(mount, "nosuid,nodev") {
		t.Errorf("the image is mounted as %q, a directory of the host as %q", root, mount)
	}
	if _, mount := options("privileged", true); strings.Contains(mount, "nosuid") || strings.Contains(mount, "nodev") {
		t.Errorf("for a privileged container a directory of the host is mounted as %q", mount)
	}
}

func TestUpperLayersHideLowerOnes(t *testing.T) {
	p := newPod(t)
	upper := t.TempDir()
	if err := os.Mkdir(filepath.Join(upper, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(upper, "etc", "group"), []byte("root:x:0:\nupper:x:77:alice\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mknod", filepath.Join(upper, "home"), "c", "0", "0").CombinedOutput(); err != nil { // overlay's sign for "deleted"
		t.Fatalf("%v: %s", err, out)
	}
	c := busyboxContainer("a", "id -G; ls /home 2>&1")
	c.Layers, c.User, c.Groups = []string{layer, upper}, "alice", []int{88}
	p.run(c)
	p.exit("a")
	if diff := cmp.Diff([]string{"stdout F 1000 77 88", "stdout F ls: /home: No such file or directory"}, p.output("a")); diff != "" {
		t.Error(diff)
	}
}
