//go:build linux

package runtime

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/containers"
)

// broken is what a file holds after the disk has failed.
const broken = "{\x00"

func (n *node) breakFile(elements ...string) {
	n.t.Helper()
	path := filepath.Join(append([]string{n.config.Root}, elements...)...)
	if _, err := os.Stat(path); err != nil {
		n.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(broken), 0o600); err != nil {
		n.t.Fatal(err)
	}
}

func TestASandboxThatCannotBeRecoveredDoesNotKeepTheOthersFromGoingOn(t *testing.T) {
	n := newNode(t)
	whole, unreadable, silent, half := n.runPod("whole"), n.runPod("unreadable"), n.runPod("silent"), n.runPod("half")
	running := whole.run("main", "sleep 1000")
	unreadable.run("main", "sleep 1000")
	silent.run("main", "sleep 1000")
	lost, kept := half.run("lost", "sleep 1000"), half.run("kept", "sleep 1000")
	n.kill()
	for _, process := range processesOf(filepath.Join(n.config.Root, "pods", half.id)) {
		kill(t, process)
	}

	n.breakFile("pods", whole.id, "shim", "sandbox.json") // all that this says the runtime knows too
	n.breakFile("pods", unreadable.id, "sandbox.json")
	n.breakFile("pods", half.id, "shim", "containers", lost, "note")
	n.breakFile("network", "addresses.json")
	socket := filepath.Join(n.config.Root, "pods", silent.id, "shim", "shim.sock")
	if err := os.Rename(socket, socket+".away"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(socket, socket); err != nil { // it is there, and leads nowhere
		t.Fatal(err)
	}
	n.start()

	if got := whole.exec(running, "echo still here"); got != "still here" {
		t.Errorf("the whole one says %q", got)
	}
	if got := half.status(kept); got.State != cri.ContainerState_CONTAINER_EXITED || got.ExitCode != 137 {
		t.Errorf("the container of a dead shim beside one without a record: %v", got)
	}
	list, err := n.ListContainers(t.Context(), &cri.ListContainersRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range list.Containers {
		if c.Id == lost {
			t.Errorf("a container without a record is listed: %v", c)
		}
	}
	if sandboxes, err := n.ListPodSandbox(t.Context(), &cri.ListPodSandboxRequest{}); err != nil || len(sandboxes.Items) != 3 {
		t.Errorf("sandboxes %v, %v: want all but the one without a record", sandboxes.GetItems(), err)
	}
	status, err := n.PodSandboxStatus(t.Context(), &cri.PodSandboxStatusRequest{PodSandboxId: silent.id, Verbose: true})
	if err != nil || status.Status.State != cri.PodSandboxState_SANDBOX_NOTREADY || !strings.Contains(status.Info["info"], "ask its shim") {
		t.Errorf("the one whose shim says nothing: %v, %v: want not ready, and why", status, err)
	}
	if _, err := n.StopPodSandbox(t.Context(), &cri.StopPodSandboxRequest{PodSandboxId: silent.id}); err == nil {
		t.Error("it is said to be stopped")
	}
	if _, err := n.RunPodSandbox(t.Context(), &cri.RunPodSandboxRequest{Config: silent.config}); err == nil || !strings.Contains(err.Error(), "may still run") {
		t.Errorf("a second sandbox for its pod: %v", err)
	}
	if err := os.Rename(socket+".away", socket); err != nil {
		t.Fatal(err)
	}
	n.runPod("silent")
	if _, err := n.StopPodSandbox(t.Context(), &cri.StopPodSandboxRequest{PodSandboxId: silent.id}); err != nil {
		t.Errorf("once its shim answers: %v", err)
	}
	next := n.runPod("next")
	if address := n.address(next.id); address == n.address(whole.id) || address == n.address(half.id) {
		t.Errorf("a new pod gets %s, which is another's", address)
	}
}

func (n *node) address(sandbox string) string {
	n.t.Helper()
	status, err := n.PodSandboxStatus(n.t.Context(), &cri.PodSandboxStatusRequest{PodSandboxId: sandbox})
	if err != nil {
		n.t.Fatal(err)
	}
	return status.Status.Network.Ip
}

// diary is where a test reads what was logged.
type diary struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (d *diary) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.text.Write(p)
}

func (d *diary) says(text string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return strings.Contains(d.text.String(), text)
}

func TestAShimThatLivesKeepsItsPodThoughTheNodeHasNoFilesLeftToListenToIt(t *testing.T) {
	n := newNode(t)
	p := n.runPod("web")
	var log diary
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	defer slog.SetDefault(before)
	ctx, cancel := context.WithCancel(t.Context())
	r := &Runtime{config: n.config, context: ctx, sandboxes: map[string]*sandbox{}, containers: map[string]*container{}}
	defer r.following.Wait()
	defer cancel()
	sb := &sandbox{ready: true, containers: map[string]*container{}}
	if err := readRecord(r.recordFile(p.id), &sb.record); err != nil {
		t.Fatal(err)
	}
	sb.shim = &containers.Shim{Sandbox: r.shimConfig(sb.record)}

	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 3, Max: limit.Max}); err != nil {
		t.Fatal(err)
	}
	r.follow(sb)
	waitFor(t, "a try to listen", func() bool { return log.says("too many open files") })
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if log.says("a shim died") || p.sandboxState() != cri.PodSandboxState_SANDBOX_READY {
		t.Fatal("the pod is taken down")
	}
	for _, process := range processesOf(n.config.Root) {
		kill(t, process)
	}
	waitFor(t, "the death of its shim to be noticed", func() bool { return log.says("a shim died") })
}
