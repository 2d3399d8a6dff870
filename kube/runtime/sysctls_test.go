//go:build linux

package runtime

import (
	"strings"
	"testing"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

func TestAPodsKernelParametersAreItsOwn(t *testing.T) {
	n := newNode(t)
	set := func(values map[string]string) func(*cri.PodSandboxConfig) {
		return func(config *cri.PodSandboxConfig) { config.Linux.Sysctls = values }
	}
	const show = "cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/net/ipv4/ip_local_port_range /proc/sys/kernel/shm_rmid_forced"
	// The kernel takes the range of ports only after the one from which on nobody needs to be root.
	a := n.runPod("a", set(map[string]string{
		"net.ipv4.ip_unprivileged_port_start": "0", "net.ipv4.ip_local_port_range": "500 600", "kernel.shm_rmid_forced": "1"}))
	b := n.runPod("b")
	own, others := a.exec(a.run("main", "sleep 1000"), show), b.exec(b.run("main", "sleep 1000"), show)
	if own != "0\n500\t600\n1" {
		t.Errorf("the pod that set them sees %q", own)
	}
	if !strings.HasPrefix(others, "1024\n") || strings.Contains(others, "\n500") || !strings.HasSuffix(others, "\n0") {
		t.Errorf("another pod sees %q", others)
	}
}

func TestAPodWhoseKernelParameterHasNoSuchValueDoesNotStart(t *testing.T) {
	n := newNode(t)
	config := n.podConfig("web")
	config.Linux.Sysctls = map[string]string{"net.ipv4.tcp_syncookies": "1", "net.ipv4.tcp_keepalive_time": "often"}
	_, err := n.RunPodSandbox(t.Context(), &cri.RunPodSandboxRequest{Config: config})
	if err == nil || !strings.Contains(err.Error(), "set the pod's kernel parameters net.ipv4.tcp_keepalive_time: ") || !strings.Contains(err.Error(), "invalid argument") {
		t.Errorf("a time of %q: %v", "often", err)
	}
	n.nothingLeft()
}
