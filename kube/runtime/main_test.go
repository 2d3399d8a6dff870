//go:build linux

package runtime

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/containers"
	"kubelab/kube/containers/containerstest"
	"kubelab/kube/images"
	"kubelab/kube/podnet"
)

// The tests run real pods. So that nothing of the machine is touched, the test program starts itself anew, in namespaces of its
// own (network, mounts, processes). There it plays the kubelet, and the runtime under test is a further process, so that it can be killed.

const guise = "KUBELAB_RUNTIME_TEST" // what this process is: empty, "inside" or a runtime's Config

var (
	program string // kube-shim
	missing string // why real pods cannot be tested here
)

func TestMain(m *testing.M) {
	switch role := os.Getenv(guise); {
	case role == "inside":
		os.Exit(inside(m))
	case role != "":
		os.Exit(runRuntime(role))
	}
	if missing = containerstest.Missing(); missing != "" {
		os.Exit(m.Run())
	}
	os.Exit(containerstest.RunInside(guise + "=inside"))
}

func inside(m *testing.M) int {
	dir, err := os.MkdirTemp("", "kubelab-runtime-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	if err := containerstest.SettleIn(); err != nil {
		panic(err)
	}
	program = filepath.Join(dir, "kube-shim")
	if err := containerstest.BuildShim(program); err != nil {
		panic(err)
	}
	return m.Run()
}

// runRuntime is the runtime's process.
func runRuntime(role string) int {
	var config struct {
		Config
		Node bool // it is the first process of a node of its own
	}
	err := json.Unmarshal([]byte(role), &config)
	if err == nil && config.Node {
		err = containerstest.SettleIn()
	}
	if err == nil {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		os.Unsetenv(guise)
		err = Run(ctx, config.Config)
		if ctx.Err() != nil {
			return 0
		}
	}
	fmt.Fprintln(os.Stderr, "runtime under test:", err)
	return 1
}

// node is a runtime's process and a client of it.
type node struct {
	cri.RuntimeServiceClient
	t       testing.TB
	config  Config
	process *exec.Cmd
	conn    *grpc.ClientConn
	images  *images.Store
	own     bool // namespaces of its own
}

// newNode starts a runtime in an empty directory, with the image busybox.
func newNode(t testing.TB, options ...func(*node)) *node {
	t.Helper()
	if missing != "" {
		t.Skip(missing)
	}
	// A directory with a short name: the path of a unix socket has at most 107 bytes.
	dir, err := os.MkdirTemp("", "kubelab-node-")
	if err != nil {
		t.Fatal(err)
	}
	n := &node{t: t, config: Config{
		Root: filepath.Join(dir, "root"), Listen: "unix://" + filepath.Join(dir, "cri.sock"), Shim: program,
		PodCIDR: netip.MustParsePrefix("10.244.1.0/24"), ClusterCIDR: netip.MustParsePrefix("10.244.0.0/16"),
		CgroupParent: "/" + filepath.Base(dir),
	}}
	for _, option := range options {
		option(n)
	}
	if n.images, err = images.Open(filepath.Join(n.config.Root, "images")); err != nil {
		t.Fatal(err)
	}
	image, err := images.Busybox(containerstest.Busybox)
	if err == nil {
		_, err = n.images.Add(t.Context(), image, "busybox")
	}
	if err != nil {
		t.Fatal(err)
	}
	n.start()
	t.Cleanup(n.cleanup)
	return n
}

func inOwnNamespaces(n *node) { n.own = true }

// start starts the runtime's process and waits until it answers.
func (n *node) start() {
	n.t.Helper()
	role, err := json.Marshal(struct {
		Config
		Node bool
	}{n.config, n.own})
	if err != nil {
		n.t.Fatal(err)
	}
	n.process = exec.Command("/proc/self/exe")
	n.process.Env = append(os.Environ(), guise+"="+string(role))
	n.process.Stdout, n.process.Stderr = os.Stdout, os.Stderr
	if n.own {
		n.process.SysProcAttr = containerstest.OwnNamespaces()
		n.process.SysProcAttr.Pdeathsig = 0
	}
	if err := n.process.Start(); err != nil {
		n.t.Fatal(err)
	}
	eager := grpc.ConnectParams{Backoff: backoff.Config{BaseDelay: 2 * time.Millisecond, Multiplier: 1, MaxDelay: 2 * time.Millisecond}, MinConnectTimeout: time.Second}
	n.conn, err = grpc.NewClient(n.config.Listen, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithConnectParams(eager))
	if err != nil {
		n.t.Fatal(err)
	}
	n.RuntimeServiceClient = cri.NewRuntimeServiceClient(n.conn)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if _, err := n.Version(ctx, &cri.VersionRequest{}, grpc.WaitForReady(true)); err != nil {
		n.process.Process.Signal(syscall.SIGQUIT) // it says where it hangs
		n.t.Fatal("the runtime does not come up: ", err)
	}
}

// kill is kill -9, and with own namespaces a power cut.
func (n *node) kill() {
	n.t.Helper()
	if err := n.process.Process.Kill(); err != nil {
		n.t.Fatal(err)
	}
	n.process.Wait()
	n.conn.Close()
}

func (n *node) restart() {
	n.t.Helper()
	n.kill()
	n.start()
}

// cleanup removes all pods and checks that nothing is left of them.
func (n *node) cleanup() {
	ctx := context.Background()
	list, err := n.ListPodSandbox(ctx, &cri.ListPodSandboxRequest{})
	if err != nil {
		n.t.Error(err)
	}
	for _, sandbox := range list.GetItems() {
		if _, err := n.RemovePodSandbox(ctx, &cri.RemovePodSandboxRequest{PodSandboxId: sandbox.Id}); err != nil {
			n.t.Error(err)
		}
	}
	n.nothingLeft()
	n.kill()
	if err := containers.RemoveCgroup(n.config.CgroupParent); err != nil {
		n.t.Error(err)
	}
	os.RemoveAll(filepath.Dir(n.config.Root))
}

// nothingLeft looks for traces of pods: processes, mounts, cgroups, namespaces, cables, files.
func (n *node) nothingLeft() {
	n.t.Helper()
	waitFor(n.t, "the shims to end", func() bool { return len(processesOf(n.config.Root)) == 0 })
	for what, pattern := range map[string]string{
		"files": filepath.Join(n.config.Root, "pods", "*"), "network namespaces": filepath.Join(n.config.Root, "network", "netns", "*"),
		"cgroups": "/sys/fs/cgroup/*" + n.config.CgroupParent + "/*",
	} {
		found, _ := filepath.Glob(pattern)
		for _, path := range found {
			if about, err := os.Stat(path); what != "cgroups" || err == nil && about.IsDir() {
				n.t.Errorf("%s are left: %s", what, path)
			}
		}
	}
	mounts, err := os.ReadFile(fmt.Sprintf("/proc/%d/mountinfo", n.process.Process.Pid))
	if err != nil {
		n.t.Error(err)
	}
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, n.config.Root) {
			n.t.Errorf("a mount is left: %s", line)
		}
	}
	waitFor(n.t, "the kernel to delete the cables", func() bool {
		cables := 0
		err := podnet.Do(fmt.Sprintf("/proc/%d/ns/net", n.process.Process.Pid), func() error {
			links, err := netlink.LinkList()
			for _, link := range links {
				if link.Type() == "veth" {
					cables++
				}
			}
			return err
		})
		return err == nil && cables == 0
	})
}

// processesOf are those that have a path below dir in their command line, as shims have.
func processesOf(dir string) []string {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	var found []string
	for _, file := range files {
		if line, _ := os.ReadFile(file); strings.Contains(string(line), dir+"/") {
			found = append(found, filepath.Base(filepath.Dir(file)))
		}
	}
	return found
}

func waitFor(t testing.TB, what string, reached func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !reached(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
