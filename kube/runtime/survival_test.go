//go:build linux

package runtime

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/containers"
)

func TestKillingTheRuntimeLosesNoExitAndNoLogLineAndEndsNoContainer(t *testing.T) {
	n := newNode(t)
	p := n.runPod("web")
	counter := p.run("counter", "i=0; while [ $i -lt 300 ]; do i=$((i+1)); echo line $i; [ -e /stop ] || sleep 0.005; done; exit 7")
	sleeper := p.run("sleeper", "sleep 1000")
	created := p.create("created", "exit 4")
	waitFor(t, "the first lines", func() bool { return len(p.lines("counter")) > 3 })
	n.kill()
	killed := time.Now()
	waitFor(t, "the last line", func() bool { return len(p.lines("counter")) == 300 })
	shim, err := containers.ConnectShim(filepath.Join(n.config.Root, "pods", p.id, "shim"))
	if err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the exit", func() bool {
		status, err := shim.Status(t.Context(), counter)
		return err == nil && status.State == containers.Exited
	})
	over := time.Now()
	n.start()

	if status := p.status(counter); status.State != cri.ContainerState_CONTAINER_EXITED || status.ExitCode != 7 ||
		status.FinishedAt < killed.UnixNano() || status.FinishedAt > over.UnixNano() {
		t.Errorf("status of what exited while no runtime was there: %v, want code 7 between %d and %d", status, killed.UnixNano(), over.UnixNano())
	}
	for i, line := range p.lines("counter") {
		if want := fmt.Sprintf("stdout F line %d", i+1); line != want {
			t.Fatalf("line %d of the log is %q", i+1, line)
		}
	}
	if got := p.exec(sleeper, "echo still here"); got != "still here" {
		t.Errorf("exec after the restart: %q", got)
	}
	if _, err := n.StartContainer(t.Context(), &cri.StartContainerRequest{ContainerId: created}); err != nil {
		t.Error("start of a container that was created before: ", err)
	}
	if status := p.exit(created); status.ExitCode != 4 {
		t.Errorf("exit after the restart: %v", status)
	}
	if p.sandboxState() != cri.PodSandboxState_SANDBOX_READY {
		t.Error("the sandbox is not ready after the restart")
	}
}

func TestAPodWhoseShimIsKilledIsNotReadyAndItsContainersHaveExited(t *testing.T) {
	for _, restarted := range []bool{false, true} {
		n := newNode(t)
		p := n.runPod("web")
		id := p.run("main", "sleep 1000")
		good := p.run("good", "true")
		p.exit(good)
		if restarted {
			n.kill()
		}
		for _, process := range processesOf(n.config.Root) {
			kill(t, process)
		}
		if restarted {
			n.start()
		}
		waitFor(t, "the sandbox to be not ready", func() bool { return p.sandboxState() == cri.PodSandboxState_SANDBOX_NOTREADY })
		if status := p.status(id); status.State != cri.ContainerState_CONTAINER_EXITED || status.ExitCode != 137 || status.Message == "" {
			t.Errorf("status of a container that lost its shim: %v", status)
		}
		if status := p.status(good); status.ExitCode != 0 || status.Reason != "Completed" {
			t.Errorf("status of a container that had exited before: %v", status)
		}
	}
}

func kill(t *testing.T, process string) {
	t.Helper()
	pid, _ := strconv.Atoi(process)
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

func TestAfterAPowerCutThePodsAreKnownToBeLostAndNewOnesRun(t *testing.T) {
	n := newNode(t, inOwnNamespaces)
	p := n.runPod("web")
	lost, done := p.run("main", "sleep 1000"), p.run("done", "exit 5")
	p.exit(done)
	n.restart()
	if p.sandboxState() != cri.PodSandboxState_SANDBOX_NOTREADY {
		t.Error("a sandbox has survived the power cut")
	}
	if status := p.status(lost); status.State != cri.ContainerState_CONTAINER_EXITED || status.ExitCode != 137 {
		t.Errorf("status of a container that ran: %v", status)
	}
	if status := p.status(done); status.ExitCode != 5 {
		t.Errorf("status of a container that had exited: %v", status)
	}
	if _, err := n.RemovePodSandbox(t.Context(), &cri.RemovePodSandboxRequest{PodSandboxId: p.id}); err != nil {
		t.Error(err)
	}
	n.nothingLeft()
	next := n.runPod("web")
	if got := next.exec(next.run("main", "sleep 1000"), "echo again"); got != "again" {
		t.Errorf("a pod after the power cut says %q", got)
	}
}

func TestThePodRangeIsRememberedAndDoesNotChangeUnderPods(t *testing.T) {
	n := newNode(t)
	n.kill()
	n.config.PodCIDR = netip.Prefix{}
	if err := os.RemoveAll(filepath.Join(n.config.Root, "network")); err != nil {
		t.Fatal(err)
	}
	n.start()
	if n.networkReady() {
		t.Fatal("the network is ready without a range")
	}
	if _, err := n.RunPodSandbox(t.Context(), &cri.RunPodSandboxRequest{Config: n.podConfig("early")}); err == nil || !strings.Contains(err.Error(), "--pod-cidr") {
		t.Errorf("a pod without a network: %v", err)
	}
	give := func(text string) error {
		_, err := n.UpdateRuntimeConfig(t.Context(), &cri.UpdateRuntimeConfigRequest{RuntimeConfig: &cri.RuntimeConfig{NetworkConfig: &cri.NetworkConfig{PodCidr: text}}})
		return err
	}
	if err := give("10.244.7.0/24"); err != nil {
		t.Fatal(err)
	}
	n.restart()
	if !n.networkReady() {
		t.Error("the range is forgotten after a restart")
	}
	p := n.runPod("web")
	if err := give("10.244.8.0/24"); err == nil {
		t.Error("the range changes while a pod has an address of it")
	}
	status, err := n.PodSandboxStatus(t.Context(), &cri.PodSandboxStatusRequest{PodSandboxId: p.id})
	if err != nil || !strings.HasPrefix(status.Status.Network.Ip, "10.244.7.") {
		t.Errorf("the pod's address: %v, %v", status, err)
	}
}

func (n *node) networkReady() bool {
	n.t.Helper()
	response, err := n.Status(n.t.Context(), &cri.StatusRequest{})
	if err != nil {
		n.t.Fatal(err)
	}
	for _, condition := range response.Status.Conditions {
		if condition.Type == cri.NetworkReady {
			return condition.Status
		}
	}
	return false
}

// The files of a sandbox go one by one, in any order.
func TestARemovalThatWasBrokenOffIsFinishedAtTheNextStart(t *testing.T) {
	n := newNode(t)
	for _, gone := range []string{"containers", "shim.sock", "shim.log"} {
		p := n.runPod("web")
		p.run("main", "sleep 1000")
		if _, err := n.StopPodSandbox(t.Context(), &cri.StopPodSandboxRequest{PodSandboxId: p.id}); err != nil {
			t.Fatal(err)
		}
		n.kill()
		dir := filepath.Join(n.config.Root, "pods", p.id)
		for _, first := range []string{"sandbox.json", filepath.Join("shim", gone)} {
			if err := os.RemoveAll(filepath.Join(dir, first)); err != nil {
				t.Fatal(err)
			}
		}
		n.start()
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s was removed, and the rest stays: %v", gone, err)
		}
	}
}

// The runtime is killed at random instants while pods come and go. Whatever it was doing: after a restart all that it tells of can be
// used and removed, and nothing else is there. The seed is in the output, so a failure can be repeated.
func TestKillingTheRuntimeAtAnyInstantLeavesNothingHalfDone(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("KUBELAB_SEED"); text != "" {
		seed, _ = strconv.ParseUint(text, 10, 64)
	}
	t.Logf("KUBELAB_SEED=%d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	n := newNode(t)
	for round := range 40 {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			for i := 0; ctx.Err() == nil; i++ {
				n.comeAndGo(ctx, fmt.Sprintf("pod-%d-%d", round, i))
			}
		}()
		wait := time.Duration(random.IntN(60_000)) * time.Microsecond
		<-time.After(wait)
		n.process.Process.Kill()
		n.process.Wait()
		cancel()
		<-done
		n.conn.Close()
		n.start()
		n.allUsable()
	}
}

// comeAndGo is a pod's life, without looking at errors.
func (n *node) comeAndGo(ctx context.Context, name string) {
	sandbox, err := n.RunPodSandbox(ctx, &cri.RunPodSandboxRequest{Config: n.podConfig(name)})
	if err != nil {
		return
	}
	c, err := n.CreateContainer(ctx, &cri.CreateContainerRequest{PodSandboxId: sandbox.PodSandboxId, Config: &cri.ContainerConfig{
		Metadata: &cri.ContainerMetadata{Name: "main"}, Image: &cri.ImageSpec{Image: "busybox"}, Command: []string{"sleep", "1000"},
	}})
	if err != nil {
		return
	}
	n.StartContainer(ctx, &cri.StartContainerRequest{ContainerId: c.ContainerId})
	n.RemoveContainer(ctx, &cri.RemoveContainerRequest{ContainerId: c.ContainerId})
	n.StopPodSandbox(ctx, &cri.StopPodSandboxRequest{PodSandboxId: sandbox.PodSandboxId})
	n.RemovePodSandbox(ctx, &cri.RemovePodSandboxRequest{PodSandboxId: sandbox.PodSandboxId})
}

// allUsable uses whatever a restarted runtime tells of, and removes it.
func (n *node) allUsable() {
	n.t.Helper()
	ctx := n.t.Context()
	list, err := n.ListContainers(ctx, &cri.ListContainersRequest{})
	if err != nil {
		n.t.Fatal(err)
	}
	for _, c := range list.Containers {
		if c.State == cri.ContainerState_CONTAINER_CREATED {
			if _, err := n.StartContainer(ctx, &cri.StartContainerRequest{ContainerId: c.Id}); err != nil {
				n.t.Error(err)
			}
		}
		if c.State != cri.ContainerState_CONTAINER_EXITED && n.exec(c.Id, "echo here") != "here" {
			n.t.Errorf("container %s is %v but cannot be used", c.Id, c.State)
		}
	}
	sandboxes, err := n.ListPodSandbox(ctx, &cri.ListPodSandboxRequest{})
	if err != nil {
		n.t.Fatal(err)
	}
	for _, sandbox := range sandboxes.Items {
		if _, err := n.RemovePodSandbox(ctx, &cri.RemovePodSandboxRequest{PodSandboxId: sandbox.Id}); err != nil {
			n.t.Error(err)
		}
	}
	n.nothingLeft()
}
