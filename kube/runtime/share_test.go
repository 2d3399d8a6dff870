//go:build linux

package runtime

import (
	"strings"
	"syscall"
	"testing"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/containers"
)

// sharingPod is a pod whose containers share their processes.
func (n *node) sharingPod(name string) *pod {
	return n.runPod(name, func(config *cri.PodSandboxConfig) {
		config.Linux.CgroupParent = n.config.CgroupParent + "/" + name
		config.Linux.SecurityContext.NamespaceOptions.Pid = cri.NamespaceMode_POD
	})
}

// sharing has a container take part in that.
func sharing(config *cri.ContainerConfig) {
	config.Linux = &cri.LinuxContainerConfig{SecurityContext: &cri.LinuxContainerSecurityContext{NamespaceOptions: &cri.NamespaceOption{Pid: cri.NamespaceMode_POD}}}
}

// processOne is the number that the node knows process 1 of the pod by.
func (p *pod) processOne() int {
	p.t.Helper()
	found := containers.CgroupProcesses(p.config.Linux.CgroupParent + "/" + containers.PauseID)
	if len(found) != 1 {
		p.t.Fatalf("process 1 of the pod: %v", found)
	}
	return found[0]
}

// removed removes the pod, and its cgroup as a kubelet does.
func (p *pod) removed() {
	p.t.Helper()
	if _, err := p.RemovePodSandbox(p.t.Context(), &cri.RemovePodSandboxRequest{PodSandboxId: p.id}); err != nil {
		p.t.Fatal(err)
	}
	if err := containers.RemoveCgroup(p.config.Linux.CgroupParent); err != nil {
		p.t.Error(err)
	}
	p.nothingLeft()
}

func TestAPodWhoseContainersShareProcessesOutlivesItsRuntime(t *testing.T) {
	n := newNode(t)
	p := n.sharingPod("web")
	a, b := p.run("a", "exec sleep 1001", sharing), p.run("b", "exec sleep 1002", sharing)
	one := p.processOne()
	n.kill()
	n.start()
	if got := p.processOne(); got != one {
		t.Errorf("process 1 was %d and is %d", one, got)
	}
	list, err := n.ListContainers(t.Context(), &cri.ListContainersRequest{})
	if err != nil || len(list.Containers) != 2 {
		t.Errorf("the containers are %v, %v", list, err)
	}
	if got := p.exec(b, "ps -o args | grep -e '^/pause' -e '^sleep'; kill $(ps -o pid,args | awk '/sleep 1001$/ {print $1}')"); got != "/pause\nsleep 1001\nsleep 1002" {
		t.Errorf("a container sees %q", got)
	}
	if end := p.exit(a); end.ExitCode != 128+int32(syscall.SIGTERM) {
		t.Errorf("what was killed from the other container: %v", end)
	}
	again := p.run("a", "exec sleep 1003", sharing)
	if got := p.exec(again, "ps -o args | grep '^sleep'"); got != "sleep 1002\nsleep 1003" {
		t.Errorf("the container that was started in its place sees %q", got)
	}
	p.removed()
}

func TestAPodWhoseProcessOneEndsNeedsANewSandbox(t *testing.T) {
	n := newNode(t)
	p := n.sharingPod("web")
	a, b := p.run("a", "sleep 1001", sharing), p.run("b", "sleep 1002", sharing)
	if err := syscall.Kill(p.processOne(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the sandbox to be not ready", func() bool { return p.sandboxState() == cri.PodSandboxState_SANDBOX_NOTREADY })
	for _, id := range []string{a, b} {
		if end := p.exit(id); end.ExitCode != 137 || !strings.Contains("Error ShimDied", end.Reason) {
			t.Errorf("a container has ended with %v", end)
		}
	}
	p.removed()
}
