//go:build linux

package containers_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"kubelab/kube/containers"
)

// sharingPod is a pod whose containers share their processes.
func sharingPod(t *testing.T) *pod {
	t.Helper()
	return newPod(t, func(s *containers.Sandbox) { s.SharePID = true })
}

// sharing is a container that takes part in that.
func sharing(id, script string) containers.Config {
	c := busyboxContainer(id, script)
	c.ProcessesOf = containers.PauseID
	return c
}

// inside are the processes of the pod's PID namespace: what each is called and the letter of its state.
func (p *pod) inside() (all []string) {
	p.t.Helper()
	pause := containers.CgroupProcesses(p.Sandbox.CgroupPath(containers.PauseID))
	if len(pause) != 1 {
		p.t.Fatalf("process 1 of the pod: %v", pause)
	}
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		var pid int
		fmt.Sscanf(file, "/proc/%d/stat", &pid)
		if namespace(pid, "pid") == namespace(pause[0], "pid") {
			stat, _ := os.ReadFile(file)
			name, state, _ := strings.Cut(string(stat), ") ")
			all = append(all, name[strings.Index(name, "(")+1:]+" "+state[:min(1, len(state))])
		}
	}
	return all
}

func TestContainersThatShareProcessesSeeAndSignalEachOthers(t *testing.T) {
	p := sharingPod(t)
	p.run(sharing("a", "echo $$ > /dev/shm/pid; echo of a > /mine; echo ready; sleep 1001"))
	waitFor(t, "the first container", func() bool { return len(p.output("a")) == 1 })
	a, _ := p.Status(p.ctx, "a")
	got := p.stdout(sharing("b", "ps -o args | grep -e '^/pause' -e '^sleep 1001'; "+
		"cat /proc/$(cat /dev/shm/pid)/root/mine; hostname; kill $(cat /dev/shm/pid)"))
	if want := "/pause\nsleep 1001\nof a\nweb-0"; got != want {
		t.Errorf("the second container sees\n%s\nand should see\n%s", got, want)
	}
	// A shell that is no process 1 has no protection from a signal that it does not handle.
	if end := p.exit("a"); end.ExitCode != 128+int(syscall.SIGTERM) {
		t.Errorf("the first has ended with %+v", end)
	}
	if alive := syscall.Kill(a.PID, 0); alive == nil {
		t.Error("the first container's process is still there")
	}
}

func TestWhatAContainerLeavesRunningEndsWithItAndTheOthersGoOn(t *testing.T) {
	p := sharingPod(t)
	p.run(sharing("b", "sleep 1002"))
	b, _ := p.Status(p.ctx, "b")
	p.run(sharing("a", "(sleep 1003 &); (setsid sleep 1004 >/dev/null 2>&1 </dev/null &); sleep 0.1; exit 3"))
	end := p.exit("a")
	if end.ExitCode != 3 || end.FinishedAt.Sub(end.StartedAt) > 4*time.Second {
		t.Errorf("it has ended with %+v: whoever held its output kept it waiting", end)
	}
	if left := containers.CgroupProcesses(p.Sandbox.CgroupPath("a")); len(left) > 0 {
		t.Errorf("it has left %v", left)
	}
	if now, err := p.Status(p.ctx, "b"); err != nil || now.State != containers.Running || now.PID != b.PID {
		t.Errorf("the other container is %+v, %v", now, err)
	}
	if err := p.Delete(p.ctx, "a"); err != nil {
		t.Fatal(err)
	}
	p.run(sharing("a-again", "sleep 1005"))
	waitFor(t, "nothing but process 1 and two containers", func() bool { return len(p.inside()) == 3 })
}

func TestProcessOneOfAPodTakesItsOrphansAndKeepsNoZombies(t *testing.T) {
	p := sharingPod(t)
	p.run(sharing("a", "for i in 1 2 3; do (sleep 0.05 &); done; sleep 0.3; echo done; sleep 1006"))
	waitFor(t, "the orphans' birth", func() bool { return len(p.output("a")) == 1 })
	waitFor(t, "nothing to be left of them, no zombie either", func() bool {
		left := p.inside() // process 1, and the shell or its sleep, or both
		return len(left) <= 3 && !slices.ContainsFunc(left, func(process string) bool { return strings.HasSuffix(process, " Z") })
	})
}

func TestProcessOneOfAPodIsTheShimsAloneAndHasNothing(t *testing.T) {
	p := sharingPod(t)
	c := sharing("a", "exec 2>&1; ls /proc/1/root; grep CapPrm /proc/1/status | tr -d '\\t'; echo > /proc/1/root/tmp; echo > /proc/1/exe; kill -9 1; kill -HUP 1; sleep 0.1; ps | grep -c '[p]ause'")
	c.CapAdd = []string{"SYS_PTRACE"}
	out, status := p.runToEnd(c)
	for _, want := range []string{"stdout F dev\nstdout F pause\nstdout F proc\nstdout F sys\nstdout F CapPrm:0000000000000000\n", "proc/1/root/tmp: Read-only file system", "proc/1/exe: Read-only file system"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if status.ExitCode != 0 || !strings.HasSuffix(out, "stdout F 1") {
		t.Errorf("process 1 did not survive: %+v\n%s", status, out)
	}
	if all, err := p.List(p.ctx); err != nil || len(all) != 1 || all[0].ID != "a" {
		t.Errorf("the containers are %+v, %v", all, err)
	}
}

func TestTheEndOfProcessOneEndsAllContainersAndTheShim(t *testing.T) {
	p := sharingPod(t)
	p.run(sharing("a", "sleep 1007"))
	p.run(sharing("b", "sleep 0.2; kill 1; sleep 1008"))
	for _, id := range []string{"a", "b"} {
		if end := p.exit(id); end.ExitCode != 137 {
			t.Errorf("%s has ended with %+v", id, end)
		}
	}
	waitFor(t, "the shim's end", func() bool { return !p.Alive() })
	if mounts := mountsBelow(p.Sandbox.Dir); len(mounts) > 0 {
		t.Errorf("mounts left: %v", mounts)
	}
}

func TestAKilledShimLeavesNoProcessOne(t *testing.T) {
	p := sharingPod(t)
	c := sharing("a", "sleep 1009")
	c.User = "alice" // who changes the user is not killed by the kernel when the shim is
	p.run(c)
	killShim(t, p)
	again, err := containers.ConnectShim(p.Sandbox.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if now, err := again.Status(p.ctx, "a"); err != nil || now.State != containers.Exited {
		t.Errorf("its container is %+v, %v", now, err)
	}
	if left := containers.CgroupProcesses(p.Sandbox.CgroupPath(containers.PauseID)); len(left) > 0 {
		t.Errorf("process 1 lives: %v", left)
	}
}
