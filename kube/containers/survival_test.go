//go:build linux

package containers_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"kubelab/kube/containers"

	"github.com/google/go-cmp/cmp"
)

// The test binary, run with this variable, is a container runtime that starts a pod and then waits to be killed.
const starterDir = "KUBELAB_TEST_STARTER"

func starter(dir string) {
	ctx := context.Background()
	must := func(err error) {
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	shim, err := containers.StartShim(ctx, os.Getenv("KUBELAB_TEST_PROGRAM"), newSandbox(dir))
	must(err)
	// It writes while the runtime lives, while nobody does, and after the runtime has come back.
	c := containers.Config{
		ID: "a", Layers: []string{os.Getenv("KUBELAB_TEST_LAYER")}, LogPath: filepath.Join(dir, "a.log"),
		Args:   []string{"sh", "-c", "i=0; until [ -e /shared/stop ]; do i=$((i+1)); echo line $i; done; exit 42"},
		Mounts: []containers.Mount{{Source: dir, Target: "/shared"}},
	}
	must(shim.Create(ctx, c))
	must(shim.Start(ctx, "a"))
	fmt.Println(shim.Sandbox.CgroupParent)
	select {}
}

// startAndKill lets another process start a pod, kills that process, and connects to the pod.
func startAndKill(t *testing.T) *pod {
	t.Helper()
	if missing != "" {
		t.Skip(missing)
	}
	dir := t.TempDir()
	runtime := exec.Command(os.Args[0])
	runtime.Env = append(os.Environ(), starterDir+"="+dir, "KUBELAB_TEST_PROGRAM="+program, "KUBELAB_TEST_LAYER="+layer)
	out, err := runtime.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := runtime.Start(); err != nil {
		t.Fatal(err)
	}
	first, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || !strings.HasPrefix(first, "/") {
		t.Fatalf("the other process says %q, %v", first, err)
	}
	runtime.Process.Kill()
	runtime.Wait()
	shim, err := containers.ConnectShim(filepath.Join(dir, "sandbox"))
	if err != nil {
		t.Fatal(err)
	}
	p := &pod{shim, t, t.Context()}
	t.Cleanup(p.cleanup)
	return p
}

func TestKillingTheRuntimeLosesNeitherContainerNorLogLineNorExitCode(t *testing.T) {
	p := startAndKill(t)
	before := len(p.output("a"))
	waitFor(t, "more output with nobody there", func() bool { return len(p.output("a")) > before+100 })
	status, err := p.Status(p.ctx, "a")
	if err != nil || status.State != containers.Running {
		t.Fatalf("after the runtime was killed: %+v, %v", status, err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(p.Sandbox.Dir), "stop"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if status := p.exit("a"); status.ExitCode != 42 {
		t.Errorf("exit: %+v", status)
	}
	for i, line := range p.output("a") {
		if want := fmt.Sprintf("stdout F line %d", i+1); line != want {
			t.Fatalf("log entry %d is %q, not %q", i, line, want)
		}
	}
}

func TestKillingTheShimKillsItsContainersAndIsTold(t *testing.T) {
	p := startAndKill(t)
	exits, err := p.Exits(p.ctx)
	if err != nil {
		t.Fatal(err)
	}
	status, err := p.Status(p.ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	killShim(t, p)
	want := containers.Status{ID: "a", State: containers.Exited, ExitCode: 137, Reason: containers.ReasonShimDied}
	got := <-exits
	if diff := cmp.Diff(want, got, ignoreTimes, cmp.FilterPath(func(p cmp.Path) bool { return p.String() == "Message" }, cmp.Ignore())); diff != "" {
		t.Errorf("exit (-want +got):\n%s", diff)
	}
	if _, more := <-exits; more {
		t.Error("exits go on after the shim")
	}
	waitFor(t, "the command's end", func() bool { // a zombie (Z) is for the machine's first process to bury
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", status.PID))
		return errors.Is(err, os.ErrNotExist) || strings.Contains(string(stat), ") Z ")
	})
	again, err := containers.ConnectShim(p.Sandbox.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if after, err := again.Status(p.ctx, "a"); err != nil || after.Reason != containers.ReasonShimDied || !after.FinishedAt.Equal(got.FinishedAt) {
		t.Errorf("status from the files: %+v, %v", after, err)
	}
	if err := again.Start(p.ctx, "a"); !errors.Is(err, containers.ErrShimDead) {
		t.Errorf("start without a shim: %v", err)
	}
	if err := again.Delete(p.ctx, "a"); err != nil {
		t.Fatal(err)
	}
	checkNothingLeft(t, p, "a")
}

// killShim kills the shim and waits until the kernel has closed its socket.
func killShim(t *testing.T, p *pod) {
	t.Helper()
	for _, pid := range processesOf(p.Sandbox.Dir) {
		var n int
		fmt.Sscan(pid, &n)
		syscall.Kill(n, syscall.SIGKILL)
	}
	waitFor(t, "the shim's end", func() bool { return len(processesOf(p.Sandbox.Dir)) == 0 })
}

func TestAnExitWrittenBeforeTheShimDiedIsKept(t *testing.T) {
	p := newPod(t)
	_, want := p.runToEnd(busyboxContainer("a", "exit 5"))
	killShim(t, p)
	again, err := containers.ConnectShim(p.Sandbox.Dir)
	if err != nil {
		t.Fatal(err)
	}
	got, err := again.Status(p.ctx, "a")
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-before +after):\n%s", err, diff)
	}
}

func TestAStatusThatAPowerCutSpoiltIsAnExit(t *testing.T) {
	p := newPod(t)
	p.run(busyboxContainer("a", "sleep 1000"))
	killShim(t, p)
	if err := os.Truncate(filepath.Join(p.Sandbox.ContainerDir("a"), "status.json"), 0); err != nil {
		t.Fatal(err)
	}
	again, err := containers.ConnectShim(p.Sandbox.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.Status(p.ctx, "a"); err != nil || got.Reason != containers.ReasonShimDied {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestAShimThatCannotStartSaysWhy(t *testing.T) {
	if missing != "" {
		t.Skip(missing)
	}
	sandbox := newSandbox(t.TempDir())
	sandbox.Hostname = strings.Repeat("x", 100) // Linux takes 64
	_, err := containers.StartShim(t.Context(), program, sandbox)
	if err == nil || !strings.Contains(err.Error(), "ended at once: kube-shim: set hostname") {
		t.Errorf("error: %v", err)
	}
}

func TestAShimThatIsStoppedEndsItsContainersAndTheirFilesTellHow(t *testing.T) {
	p := newPod(t)
	done, running := busyboxContainer("done", "exit 3"), busyboxContainer("running", "sleep 1000")
	done.Note = "what only its owner understands"
	p.runToEnd(done)
	p.run(running)
	if err := p.Stop(p.ctx); err != nil {
		t.Fatal(err)
	}
	if mounts := mountsBelow(p.Sandbox.Dir); len(mounts) > 0 {
		t.Errorf("mounts left: %v", mounts)
	}
	again, err := containers.ConnectShim(p.Sandbox.Dir)
	if err != nil {
		t.Fatal(err)
	}
	all, err := again.List(p.ctx)
	if err != nil || len(all) != 2 || all[0].ExitCode != 3 || all[0].Note != done.Note || all[1].ExitCode != 137 {
		t.Errorf("%+v, %v", all, err)
	}
}
