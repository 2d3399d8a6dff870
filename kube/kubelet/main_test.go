//go:build linux

package kubelet

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"kubelab/kube/access"
	"kubelab/kube/api"
	"kubelab/kube/apiserver/apiservertest"
	"kubelab/kube/containers"
	"kubelab/kube/containers/containerstest"
	"kubelab/kube/garbage"
	"kubelab/kube/images"
	"kubelab/kube/nodes"
	"kubelab/kube/operator"
	"kubelab/kube/pods/podkind"
	"kubelab/kube/runtime"
	"kubelab/kube/services/servicekind"
	"kubelab/kube/store/storetest"
)

// The tests run a real kubelet against a real API server and a real runtime. So that nothing of the machine is
// touched, the test program starts itself anew in namespaces of its own (network, mounts, processes). Runtime and
// kubelet are further processes, so that they can be killed.

const guise = "KUBELAB_KUBELET_TEST" // what this process is: empty, "inside", or a role

// role is what a further process is to be.
type role struct {
	Runtime *runtime.Config
	Kubelet *Config
	Who     operator.Identity
}

var (
	program string // kube-shim
	missing string // why real pods cannot be tested here
)

func TestMain(m *testing.M) {
	switch as := os.Getenv(guise); {
	case as == "inside":
		os.Exit(inside(m))
	case as != "":
		os.Exit(play(as))
	}
	if missing = containerstest.Missing(); missing != "" {
		os.Exit(m.Run())
	}
	os.Exit(containerstest.RunInside(guise + "=inside"))
}

func inside(m *testing.M) int {
	if err := containerstest.SettleIn(); err != nil {
		panic(err)
	}
	dir, err := os.MkdirTemp("", "kubelab-kubelet-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "kube-shim")
	if err := containerstest.BuildShim(program); err != nil {
		panic(err)
	}
	return m.Run()
}

// play is the life of a further process.
func play(as string) int {
	var r role
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	err := json.Unmarshal([]byte(as), &r)
	os.Unsetenv(guise)
	switch {
	case err != nil:
	case r.Runtime != nil:
		err = runtime.Run(ctx, *r.Runtime)
	default:
		err = runKubelet(ctx, r)
	}
	if ctx.Err() != nil {
		return 0
	}
	fmt.Fprintln(os.Stderr, "process under test:", err)
	return 1
}

func runKubelet(ctx context.Context, r role) error {
	client, err := operator.Connect(r.Who)
	if err != nil {
		return err
	}
	var delivery sync.WaitGroup
	defer delivery.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	delivery.Go(func() { client.Deliver(ctx) })
	return Run(ctx, client, *r.Kubelet)
}

// lab is a cluster of one node.
type lab struct {
	t       testing.TB
	admin   *operator.Client
	cluster *apiservertest.Cluster
	keys    *access.PKI // of the kubelet's callers
	dir     string
	config  Config
	who     operator.Identity
	runtime *exec.Cmd
	kubelet *exec.Cmd
	stories stories
}

const nodeName = "node-1"

// patience is how long a state is waited for. On a machine with much else to do, two dozen containers that start at once take most of it.
const patience = time.Minute

// newLab starts everything that a pod needs in order to run.
func newLab(t testing.TB) *lab {
	t.Helper()
	if missing != "" {
		t.Skip(missing)
	}
	kinds := slices.Concat(api.Kinds, garbage.Kinds, nodes.Kinds, servicekind.Kinds, podkind.Kinds)
	l := &lab{t: t, cluster: apiservertest.StartFor(t, apiservertest.Policy(t, Component), kinds...)}
	l.admin = l.cluster.Admin()
	// A directory with a short name: the path of a unix socket has at most 107 bytes.
	var err error
	l.dir, err = os.MkdirTemp("", "kubelab-node-")
	l.must(err)
	home := netip.MustParseAddr("127.0.0.1")
	l.keys, err = access.EnsurePKI(l.dir+"/pki", access.ControlPlane{ServiceIP: home})
	l.must(err)
	l.must(l.keys.EnsureCertificate(l.dir+"/kubelet", access.NodeServer(nodeName, home)))
	l.config = Config{
		NodeName: nodeName, NodeIP: "127.0.0.1", Port: storetest.FreePort(t), Runtime: "unix://" + l.dir + "/cri.sock", Root: l.dir + "/kubelet",
		CgroupRoot: "/" + filepath.Base(l.dir), CPU: resource.MustParse("2"), Memory: resource.MustParse("4Gi"),
		ClusterDNS: "10.96.0.10", ClusterDomain: "cluster.local",
		TLSCert: l.dir + "/kubelet.crt", TLSKey: l.dir + "/kubelet.key", ClientCA: l.dir + "/pki/ca.crt",
	}
	l.who = operator.Identity{Component: "kubelet", Host: nodeName, Kubeconfig: l.cluster.Kubeconfig(access.NodeClient(nodeName, home)), Journal: l.dir + "/journal"}
	l.addImage()
	l.startRuntime()
	l.startKubelet()
	t.Cleanup(l.followStories())
	t.Cleanup(l.cleanup)
	l.settleNode()
	return l
}

func (l *lab) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

func (l *lab) addImage() {
	store, err := images.Open(filepath.Join(l.dir, "runtime", "images"))
	l.must(err)
	image, err := images.Busybox(containerstest.Busybox)
	l.must(err)
	_, err = store.Add(l.t.Context(), image, "busybox:1")
	l.must(err)
}

func (l *lab) startRuntime() {
	l.runtime = l.start(role{Runtime: &runtime.Config{
		Root: filepath.Join(l.dir, "runtime"), Listen: l.config.Runtime, Shim: program,
		ClusterCIDR: netip.MustParsePrefix("10.244.0.0/16"), CgroupParent: l.config.CgroupRoot + "/other",
	}})
}

func (l *lab) startKubelet() { l.kubelet = l.start(role{Kubelet: &l.config, Who: l.who}) }

func (l *lab) start(r role) *exec.Cmd {
	l.t.Helper()
	as, err := json.Marshal(r)
	l.must(err)
	command := exec.Command("/proc/self/exe")
	command.Env = append(os.Environ(), guise+"="+string(as))
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	l.must(command.Start())
	return command
}

// kill is kill -9.
func (l *lab) kill(command *exec.Cmd) {
	l.t.Helper()
	l.must(command.Process.Kill())
	_ = command.Wait() // it was killed: that is its error
}

// settleNode is the nodes controller: it gives the node a range of addresses.
func (l *lab) settleNode() {
	l.t.Helper()
	l.waitFor("the node to register", func() bool {
		_, err := l.admin.CoreV1().Nodes().Get(l.t.Context(), nodeName, metav1.GetOptions{})
		return err == nil
	})
	_, err := l.admin.CoreV1().Nodes().Patch(l.t.Context(), nodeName, types.MergePatchType,
		[]byte(`{"spec":{"podCIDR":"10.244.1.0/24","podCIDRs":["10.244.1.0/24"]}}`), metav1.PatchOptions{})
	l.must(err)
	l.waitFor("the node to be ready", func() bool { return l.nodeReady().Status == corev1.ConditionTrue })
}

func (l *lab) nodeReady() corev1.NodeCondition {
	l.t.Helper()
	node, err := l.admin.CoreV1().Nodes().Get(context.Background(), nodeName, metav1.GetOptions{})
	l.must(err)
	for _, c := range node.Status.Conditions {
		if c.Type == corev1.NodeReady {
			return c
		}
	}
	return corev1.NodeCondition{}
}

// cleanup deletes all pods and checks that nothing is left of them.
func (l *lab) cleanup() {
	ctx := context.Background()
	list, err := l.admin.CoreV1().Pods("").List(ctx, metav1.ListOptions{})
	l.must(err)
	for _, pod := range list.Items {
		err := l.admin.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, metav1.DeleteOptions{GracePeriodSeconds: new(int64(1))})
		l.must(err)
	}
	l.waitFor("all pods to go", func() bool {
		list, err := l.admin.CoreV1().Pods("").List(ctx, metav1.ListOptions{})
		l.must(err)
		return len(list.Items) == 0
	})
	for what, pattern := range map[string]string{
		"sandboxes": l.dir + "/runtime/pods/*", "logs": l.dir + "/kubelet/logs/*", "files": l.dir + "/kubelet/pods/*",
	} {
		l.waitFor("no "+what+" to be left", func() bool {
			found, _ := filepath.Glob(pattern)
			return len(found) == 0
		})
	}
	l.kill(l.kubelet)
	l.kill(l.runtime)
	if err := containers.RemoveCgroup(l.config.CgroupRoot); err != nil {
		l.t.Error(err)
	}
	os.RemoveAll(l.dir)
}

func (l *lab) waitFor(what string, reached func() bool) {
	l.t.Helper()
	for deadline := time.Now().Add(patience); !reached(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			l.t.Fatalf("waited in vain for %s", what)
		}
	}
}

// pod is one that runs a shell script, already bound to the node.
func pod(name, script string, change ...func(*corev1.Pod)) *corev1.Pod {
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, Labels: map[string]string{"app": name}},
		Spec: corev1.PodSpec{NodeName: nodeName, Containers: []corev1.Container{{
			Name: "web", Image: "busybox:1", Command: []string{"sh", "-c", script},
		}}},
	}
	for _, f := range change {
		f(p)
	}
	return p
}

func (l *lab) create(p *corev1.Pod) *corev1.Pod {
	l.t.Helper()
	created, err := l.admin.CoreV1().Pods(p.Namespace).Create(l.t.Context(), p, metav1.CreateOptions{})
	l.must(err)
	return created
}

func (l *lab) get(name string) *corev1.Pod {
	l.t.Helper()
	p, err := l.admin.CoreV1().Pods("default").Get(l.t.Context(), name, metav1.GetOptions{})
	l.must(err)
	return p
}

// becomes waits until a pod is as it should be, and returns it.
func (l *lab) becomes(name, what string, reached func(*corev1.Pod) bool) *corev1.Pod {
	l.t.Helper()
	var p *corev1.Pod
	for deadline := time.Now().Add(patience); ; time.Sleep(2 * time.Millisecond) {
		if p = l.get(name); reached(p) {
			return p
		}
		if time.Now().After(deadline) {
			status, _ := json.MarshalIndent(p.Status, "", "  ")
			l.t.Fatalf("pod %s did not become %s:\n%s", name, what, status)
		}
	}
}

func ready(p *corev1.Pod) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// ask asks the kubelet as the API server does.
func (l *lab) ask(path string) (int, string) {
	l.t.Helper()
	answer, err := l.callAs(access.Client(access.APIServerUser, access.MastersGroup)).Get(fmt.Sprintf("https://127.0.0.1:%d/%s", l.config.Port, path))
	l.must(err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	l.must(err)
	return answer.StatusCode, string(body)
}

// callAs is a client with a certificate.
func (l *lab) callAs(who access.Certificate) *http.Client {
	l.t.Helper()
	path := filepath.Join(l.t.TempDir(), "client")
	l.must(l.keys.EnsureCertificate(path, who))
	own, err := tls.LoadX509KeyPair(path+".crt", path+".key")
	l.must(err)
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(l.keys.Authority.PEM)
	transport := &http.Transport{TLSClientConfig: &tls.Config{Certificates: []tls.Certificate{own}, RootCAs: trusted}}
	l.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// log is the output of a container.
func (l *lab) log(pod, options string) string {
	l.t.Helper()
	_, text := l.ask("containerLogs/default/" + pod + "/web?" + options)
	return text
}

func quantityOf(text string) resource.Quantity { return resource.MustParse(text) }

// endProcess kills a container's processes behind everybody's back.
func (l *lab) endProcess(containerID string) {
	l.t.Helper()
	pids := l.processes(containerID)
	if len(pids) == 0 {
		l.t.Fatalf("container %s has no processes", containerID)
	}
	for _, pid := range pids {
		l.must(syscall.Kill(pid, syscall.SIGKILL))
	}
}

// processes are those of a container, as the machine numbers them.
func (l *lab) processes(containerID string) (pids []int) {
	l.t.Helper()
	_, id, _ := strings.Cut(containerID, "://")
	files, err := filepath.Glob("/sys/fs/cgroup/memory" + l.config.CgroupRoot + "/pods/*/*/" + id + "/cgroup.procs")
	l.must(err)
	unified, err := filepath.Glob("/sys/fs/cgroup" + l.config.CgroupRoot + "/pods/*/*/" + id + "/cgroup.procs")
	l.must(err)
	files = append(files, unified...)
	if len(files) == 0 {
		return nil
	}
	listed, err := os.ReadFile(files[0])
	if err != nil {
		return nil // it has just gone
	}
	for _, text := range strings.Fields(string(listed)) {
		pid, err := strconv.Atoi(text)
		l.must(err)
		pids = append(pids, pid)
	}
	return pids
}
