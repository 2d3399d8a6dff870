//go:build linux

package runtime

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// pod is a sandbox on a node, as a kubelet sees it.
type pod struct {
	*node
	id     string
	config *cri.PodSandboxConfig
}

// podConfig is a pod as a kubelet would want it.
func (n *node) podConfig(name string) *cri.PodSandboxConfig {
	return &cri.PodSandboxConfig{
		Metadata: &cri.PodSandboxMetadata{Name: name, Namespace: "shop", Uid: "uid-of-" + name}, Hostname: name,
		LogDirectory: filepath.Join(filepath.Dir(n.config.Root), "logs", name),
		Labels:       map[string]string{"app": name},
		Linux: &cri.LinuxPodSandboxConfig{SecurityContext: &cri.LinuxSandboxSecurityContext{
			NamespaceOptions: &cri.NamespaceOption{Pid: cri.NamespaceMode_CONTAINER},
		}},
	}
}

func (n *node) runPod(name string, change ...func(*cri.PodSandboxConfig)) *pod {
	n.t.Helper()
	config := n.podConfig(name)
	for _, f := range change {
		f(config)
	}
	response, err := n.RunPodSandbox(n.t.Context(), &cri.RunPodSandboxRequest{Config: config})
	if err != nil {
		n.t.Fatal(err)
	}
	return &pod{n, response.PodSandboxId, config}
}

// create makes a container that will run a shell script.
func (p *pod) create(name, script string, change ...func(*cri.ContainerConfig)) string {
	p.t.Helper()
	config := &cri.ContainerConfig{
		Metadata: &cri.ContainerMetadata{Name: name}, Image: &cri.ImageSpec{Image: "busybox"},
		Command: []string{"sh", "-c", script}, LogPath: name + ".log",
	}
	for _, f := range change {
		f(config)
	}
	response, err := p.CreateContainer(p.t.Context(), &cri.CreateContainerRequest{PodSandboxId: p.id, Config: config, SandboxConfig: p.config})
	if err != nil {
		p.t.Fatal(err)
	}
	return response.ContainerId
}

// run creates and starts a container.
func (p *pod) run(name, script string, change ...func(*cri.ContainerConfig)) string {
	p.t.Helper()
	id := p.create(name, script, change...)
	if _, err := p.StartContainer(p.t.Context(), &cri.StartContainerRequest{ContainerId: id}); err != nil {
		p.t.Fatal(err)
	}
	return id
}

func (n *node) status(id string) *cri.ContainerStatus {
	n.t.Helper()
	response, err := n.ContainerStatus(n.t.Context(), &cri.ContainerStatusRequest{ContainerId: id})
	if err != nil {
		n.t.Fatal(err)
	}
	return response.Status
}

// exit waits until the container has exited.
func (n *node) exit(id string) *cri.ContainerStatus {
	n.t.Helper()
	var status *cri.ContainerStatus
	waitFor(n.t, "the exit of container "+id, func() bool {
		status = n.status(id)
		return status.State == cri.ContainerState_CONTAINER_EXITED
	})
	return status
}

// exec runs a script in a container and returns what it says.
func (n *node) exec(id, script string) string {
	n.t.Helper()
	response, err := n.ExecSync(n.t.Context(), &cri.ExecSyncRequest{ContainerId: id, Cmd: []string{"sh", "-c", script}, Timeout: 20})
	if err != nil {
		n.t.Fatal(err)
	}
	return strings.TrimSpace(string(response.Stdout) + string(response.Stderr))
}

// lines are those that a container has written, without their times: "stdout F hello".
func (p *pod) lines(name string) []string {
	p.t.Helper()
	log, err := os.ReadFile(filepath.Join(p.config.LogDirectory, name+".log"))
	if err != nil {
		p.t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(log)) {
		stamp, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if _, err := time.Parse(time.RFC3339Nano, stamp); err != nil {
			p.t.Errorf("log line without a time: %q", line)
		}
		lines = append(lines, text)
	}
	return lines
}

func (p *pod) sandboxState() cri.PodSandboxState {
	p.t.Helper()
	response, err := p.PodSandboxStatus(p.t.Context(), &cri.PodSandboxStatusRequest{PodSandboxId: p.id})
	if err != nil {
		p.t.Fatal(err)
	}
	return response.Status.State
}

func TestTheContainersOfAPodShareNetworkIPCAndHostnameButNotProcessesAndFiles(t *testing.T) {
	p := newNode(t).runPod("web")
	server := p.run("server", "echo secret > /file; echo shared > /dev/shm/x; echo hello | nc -l -p 8080; sleep 1000")
	client := p.run("client", "until nc 127.0.0.1 8080; do :; done; sleep 1000")
	waitFor(t, "the client's log", func() bool { return len(p.lines("client")) > 0 })
	if got := p.lines("client")[0]; !strings.HasSuffix(got, "hello") {
		t.Errorf("over the loopback interface the client got %q", got)
	}
	for _, kind := range []string{"net", "ipc", "uts"} {
		if a, b := p.exec(server, "readlink /proc/self/ns/"+kind), p.exec(client, "readlink /proc/self/ns/"+kind); a != b {
			t.Errorf("%s namespaces: %s and %s", kind, a, b)
		}
	}
	for _, kind := range []string{"pid", "mnt"} {
		if a, b := p.exec(server, "readlink /proc/self/ns/"+kind), p.exec(client, "readlink /proc/self/ns/"+kind); a == b {
			t.Errorf("both containers have %s", a)
		}
	}
	if got := p.exec(client, "hostname; cat /dev/shm/x /file; cat /etc/hostname"); got != "web\nshared\nweb\ncat: can't open '/file': No such file or directory" {
		t.Errorf("the client sees %q", got)
	}
	status, err := p.PodSandboxStatus(t.Context(), &cri.PodSandboxStatusRequest{PodSandboxId: p.id})
	if err != nil {
		t.Fatal(err)
	}
	if ip := p.exec(client, "ip -4 -o addr show eth0"); !strings.Contains(ip, status.Status.Network.Ip+" ") {
		t.Errorf("status says the pod's IP is %s, the pod says %s", status.Status.Network.Ip, ip)
	}
	if hosts := p.exec(client, "cat /etc/hosts"); !strings.Contains(hosts, status.Status.Network.Ip+"\tweb") {
		t.Errorf("/etc/hosts does not know the pod: %s", hosts)
	}
}

func TestExitCodeReasonAndLogOfAContainerAreKept(t *testing.T) {
	p := newNode(t).runPod("job")
	status := p.exit(p.run("main", "echo out; echo err >&2; exit 7"))
	if status.ExitCode != 7 || status.Reason != "Error" || status.StartedAt == 0 || status.FinishedAt < status.StartedAt {
		t.Errorf("status of a container that exited with 7: %v", status)
	}
	if got := strings.Join(p.lines("main"), "|"); got != "stdout F out|stderr F err" && got != "stderr F err|stdout F out" {
		t.Errorf("log: %s", got)
	}
	if status := p.exit(p.run("good", "true")); status.ExitCode != 0 || status.Reason != "Completed" {
		t.Errorf("status of a container that exited with 0: %v", status)
	}
}
