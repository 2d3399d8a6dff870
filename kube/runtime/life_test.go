//go:build linux

package runtime

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/trace"
)

func TestAContainerIsAskedToStopAndKilledWhenTheGraceIsOver(t *testing.T) {
	p := newNode(t).runPod("web")
	for name, test := range map[string]struct {
		script string
		grace  int64
		code   int32
	}{
		"polite": {"trap 'exit 3' TERM; echo ready; while :; do sleep 0.01; done", 20, 3},
		"deaf":   {"trap '' TERM; echo ready; while :; do sleep 0.01; done", 1, 137},
		"hasty":  {"echo ready; sleep 1000", 0, 137},
	} {
		id := p.run(name, test.script)
		waitFor(t, "the container to be ready", func() bool { return len(p.lines(name)) > 0 })
		for range 2 { // stopping again is no error
			if _, err := p.StopContainer(t.Context(), &cri.StopContainerRequest{ContainerId: id, Timeout: test.grace}); err != nil {
				t.Error(err)
			}
		}
		if got := p.status(id); got.State != cri.ContainerState_CONTAINER_EXITED || got.ExitCode != test.code {
			t.Errorf("%s: %v with code %d, want exited with %d", name, got.State, got.ExitCode, test.code)
		}
	}
}

func TestExecSyncReturnsOutputAndCodeAndGivesUpInTime(t *testing.T) {
	p := newNode(t).runPod("web")
	id := p.run("main", "sleep 1000")
	got, err := p.ExecSync(t.Context(), &cri.ExecSyncRequest{ContainerId: id, Cmd: []string{"sh", "-c", "echo out; echo err >&2; exit 4"}})
	if err != nil {
		t.Fatal(err)
	}
	if string(got.Stdout) != "out\n" || string(got.Stderr) != "err\n" || got.ExitCode != 4 {
		t.Errorf("exec: %v", got)
	}
	_, err = p.ExecSync(t.Context(), &cri.ExecSyncRequest{ContainerId: id, Cmd: []string{"sleep", "1000"}, Timeout: 1})
	if status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("a command that hangs: %v", err)
	}
	if left := p.exec(id, "ps | grep 'sleep 1000' | grep -v grep | wc -l"); left != "1" {
		t.Errorf("%s processes sleep, want only the container's own", left)
	}
}

func TestWhatACommandFloodsWithIsCutAndTheCommandEnds(t *testing.T) {
	p := newNode(t).runPod("web")
	id := p.run("main", "sleep 1000")
	got, err := p.ExecSync(t.Context(), &cri.ExecSyncRequest{ContainerId: id,
		Cmd: []string{"sh", "-c", "head -c 20000000 /dev/zero; head -c 20000000 /dev/zero >&2; exit 3"}}, grpc.MaxCallRecvMsgSize(16<<20)) // as kubelets take
	if err != nil {
		t.Fatal(err)
	}
	const most = 4 << 20
	if len(got.Stdout) != most || len(got.Stderr) != most || got.ExitCode != 3 {
		t.Errorf("kept are %d and %d bytes, of code %d", len(got.Stdout), len(got.Stderr), got.ExitCode)
	}
}

// listen returns the events of a node from now on, as "created name".
func (n *node) listen(ctx context.Context) func() string {
	n.t.Helper()
	stream, err := n.GetContainerEvents(ctx, &cri.GetEventsRequest{})
	if err == nil {
		_, err = stream.Header()
	}
	if err != nil {
		n.t.Fatal(err)
	}
	names := map[string]string{}
	return func() string {
		event, err := stream.Recv()
		if err != nil {
			return err.Error()
		}
		names[event.PodSandboxStatus.Id] = "sandbox"
		for _, c := range event.ContainersStatuses {
			names[c.Id] = c.Metadata.Name
		}
		kind := strings.ToLower(strings.Split(event.ContainerEventType.String(), "_")[1])
		return kind + " " + names[event.ContainerId]
	}
}

func TestEveryListenerHearsOfEveryChangeInOrder(t *testing.T) {
	n := newNode(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	listeners := []func() string{n.listen(ctx), n.listen(ctx)}
	p := n.runPod("web")
	p.exit(p.run("first", "true"))
	id := p.run("second", "sleep 1000")
	for _, do := range []func() error{
		func() error {
			_, err := p.RemoveContainer(ctx, &cri.RemoveContainerRequest{ContainerId: id})
			return err
		},
		func() error {
			_, err := p.StopPodSandbox(ctx, &cri.StopPodSandboxRequest{PodSandboxId: p.id})
			return err
		},
		func() error {
			_, err := p.RemovePodSandbox(ctx, &cri.RemovePodSandboxRequest{PodSandboxId: p.id})
			return err
		},
	} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		"created sandbox", "started sandbox", "created first", "started first", "stopped first",
		"created second", "started second", "stopped second", "deleted second",
		"stopped sandbox", "deleted first", "deleted sandbox",
	}
	for i, next := range listeners {
		var got []string
		for range want {
			got = append(got, next())
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("listener %d (-want +got):\n%s", i, diff)
		}
	}
}

func TestARemovedPodLeavesNothingAndRemovingItAgainIsNoError(t *testing.T) {
	n := newNode(t)
	p := n.runPod("web")
	running := p.run("running", "sleep 1000")
	p.exit(p.run("exited", "true"))
	p.create("created", "true")
	for range 2 {
		if _, err := n.RemoveContainer(t.Context(), &cri.RemoveContainerRequest{ContainerId: running}); err != nil {
			t.Error(err)
		}
	}
	p.run("other", "sleep 1000")
	for range 2 {
		if _, err := n.StopPodSandbox(t.Context(), &cri.StopPodSandboxRequest{PodSandboxId: p.id}); err != nil {
			t.Error(err)
		}
	}
	if p.sandboxState() != cri.PodSandboxState_SANDBOX_NOTREADY {
		t.Error("the stopped sandbox is ready")
	}
	for range 2 {
		if _, err := n.RemovePodSandbox(t.Context(), &cri.RemovePodSandboxRequest{PodSandboxId: p.id}); err != nil {
			t.Error(err)
		}
	}
	n.nothingLeft()
	_, err := n.PodSandboxStatus(t.Context(), &cri.PodSandboxStatusRequest{PodSandboxId: p.id})
	if status.Code(err) != codes.NotFound {
		t.Errorf("status of a removed sandbox: %v", err)
	}
	if _, err := os.Stat(filepath.Join(p.config.LogDirectory, "other.log")); err != nil {
		t.Errorf("the log, which is the kubelet's, is gone: %v", err)
	}
}

func TestAFailedCreateLeavesNothingAndSaysWhy(t *testing.T) {
	n := newNode(t)
	p := n.runPod("web")
	create := func(config *cri.ContainerConfig) error {
		_, err := n.CreateContainer(t.Context(), &cri.CreateContainerRequest{PodSandboxId: p.id, Config: config})
		return err
	}
	busybox := &cri.ImageSpec{Image: "busybox"}
	for name, test := range map[string]struct {
		config *cri.ContainerConfig
		code   codes.Code
		says   string
	}{
		"no name":  {&cri.ContainerConfig{Image: busybox}, codes.InvalidArgument, "name"},
		"no image": {&cri.ContainerConfig{Metadata: &cri.ContainerMetadata{Name: "c"}, Image: &cri.ImageSpec{Image: "nothere"}}, codes.NotFound, "nothere"},
		"no user": {&cri.ContainerConfig{Metadata: &cri.ContainerMetadata{Name: "c"}, Image: busybox, Command: []string{"true"}, Linux: &cri.LinuxContainerConfig{
			SecurityContext: &cri.LinuxContainerSecurityContext{RunAsUsername: "nosuch"}}}, codes.Internal, "nosuch"},
	} {
		if err := create(test.config); status.Code(err) != test.code || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v, want %v and %q", name, err, test.code, test.says)
		}
	}
	if list, err := n.ListContainers(t.Context(), &cri.ListContainersRequest{}); err != nil || len(list.Containers) > 0 {
		t.Errorf("containers after failures: %v, %v", list, err)
	}
	if files, _ := filepath.Glob(filepath.Join(n.config.Root, "pods", p.id, "containers", "*")); len(files) > 0 {
		t.Errorf("records after failures: %v", files)
	}
}

func TestAPodOnTheNodesNetworkHasTheNodesNameAndNoAddressOfItsOwn(t *testing.T) {
	n := newNode(t)
	p := n.runPod("proxy", func(config *cri.PodSandboxConfig) {
		config.Hostname = ""
		config.Linux.SecurityContext.NamespaceOptions.Network = cri.NamespaceMode_NODE
	})
	id := p.run("main", "sleep 1000")
	ours, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	name, _ := os.Hostname()
	if got := p.exec(id, "readlink /proc/self/ns/net; hostname; echo $HOSTNAME"); got != ours+"\n"+name+"\n"+name {
		t.Errorf("the pod has network and hostname %q, the node %s and %s", got, ours, name)
	}
	status, err := n.PodSandboxStatus(t.Context(), &cri.PodSandboxStatusRequest{PodSandboxId: p.id})
	if err != nil || status.Status.Network.Ip != "" {
		t.Errorf("status: %v, %v", status, err)
	}
}

func TestSettingsOfPodAndContainerReachTheProcess(t *testing.T) {
	p := newNode(t).runPod("web", func(config *cri.PodSandboxConfig) {
		config.DnsConfig = &cri.DNSConfig{Servers: []string{"10.96.0.10"}}
	})
	id := p.run("main", "sleep 1000", func(config *cri.ContainerConfig) {
		config.Envs = []*cri.KeyValue{{Key: "COLOUR", Value: []byte("blue")}}
		config.Linux = &cri.LinuxContainerConfig{
			Resources: &cri.LinuxContainerResources{MemoryLimitInBytes: 64 << 20},
			SecurityContext: &cri.LinuxContainerSecurityContext{
				NamespaceOptions: &cri.NamespaceOption{Pid: cri.NamespaceMode_CONTAINER}, ReadonlyRootfs: true, NoNewPrivs: true,
				RunAsUser: &cri.Int64Value{Value: 1000}, RunAsGroup: &cri.Int64Value{Value: 50}, SupplementalGroups: []int64{77},
			},
		}
	})
	for script, want := range map[string]string{
		"echo $COLOUR": "blue", "cat /etc/resolv.conf": "nameserver 10.96.0.10", "id -u; id -G": "1000\n50 77",
		"grep NoNewPrivs /proc/self/status": "NoNewPrivs:\t1",
		"touch /x 2>&1":                     "touch: /x: Read-only file system",
	} {
		if got := p.exec(id, script); got != want {
			t.Errorf("%s: %q, want %q", script, got, want)
		}
	}
	if got := p.status(id).Resources.Linux.MemoryLimitInBytes; got != 64<<20 {
		t.Errorf("memory limit that is told: %d", got)
	}
}

func TestACallsCausesComeBackInTheStepsItTook(t *testing.T) {
	n := newNode(t)
	ctx := metadata.AppendToOutgoingContext(t.Context(), trace.CRICausesKey, trace.EncodeCauses(trace.WithCauses(t.Context(), "r17")))
	var trailer metadata.MD
	response, err := n.RunPodSandbox(ctx, &cri.RunPodSandboxRequest{Config: n.podConfig("web")}, grpc.Trailer(&trailer))
	if err != nil {
		t.Fatal(err)
	}
	steps, err := trace.DecodeSteps(strings.Join(trailer.Get(trace.CRIStepsKey), ""))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, step := range steps {
		got = append(got, fmt.Sprintf("%s %s because of %v", step.Verb, step.Object, step.Causes))
		if step.Time.IsZero() || time.Since(step.Time) > time.Minute || step.Detail == "" {
			t.Errorf("step without time or detail: %+v", step)
		}
	}
	want := []string{
		"create netns pods/shop/web because of [r17]", "attach veth pods/shop/web because of [r17]", "start shim pods/shop/web because of [r17]",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("steps of sandbox %s (-want +got):\n%s", response.PodSandboxId, diff)
	}
}
