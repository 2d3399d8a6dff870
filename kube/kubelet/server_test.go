//go:build linux

package kubelet

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/transport/spdy"

	"kubelab/kube/access"
	"kubelab/kube/kubelet/serve"
	"kubelab/kube/pods/cri"
	"kubelab/kube/trace"
)

// apiServer is how client-go's commands reach the kubelet in the API server's place.
func (l *lab) apiServer() *rest.Config {
	l.t.Helper()
	path := filepath.Join(l.dir, "pki", "apiserver-kubelet-client")
	return &rest.Config{Host: fmt.Sprintf("https://127.0.0.1:%d", l.config.Port), TLSClientConfig: rest.TLSClientConfig{
		CertFile: path + ".crt", KeyFile: path + ".key", CAFile: filepath.Join(l.dir, "pki", "ca.crt")}}
}

func (l *lab) url(path, query string) *url.URL {
	return &url.URL{Scheme: "https", Host: fmt.Sprintf("127.0.0.1:%d", l.config.Port), Path: path, RawQuery: query}
}

func TestNobodyButTheAPIServerIsLetIn(t *testing.T) {
	l := newLab(t)
	for who, want := range map[string]int{access.APIServerUser: http.StatusOK, "system:node:node-1": http.StatusForbidden} {
		answer, err := l.callAs(access.Client(who)).Get(l.url("/pods", "").String())
		l.must(err)
		answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("%s is answered with %s", who, answer.Status)
		}
	}
	stranger := &http.Client{Transport: l.callAs(access.Client("x")).Transport.(*http.Transport).Clone()}
	stranger.Transport.(*http.Transport).TLSClientConfig.Certificates = nil
	if answer, err := stranger.Get(l.url("/pods", "").String()); err == nil {
		answer.Body.Close()
		t.Errorf("a caller without a certificate is answered with %s", answer.Status)
	}
}

func TestExecRunsACommandInAContainerOverWebSocketAndSPDY(t *testing.T) {
	l := newLab(t)
	l.create(pod("web-1", obedient))
	l.becomes("web-1", "ready", ready)
	at := l.url("/exec/default/web-1/web", url.Values{"command": {"sh", "-c", "head -c 5; echo oops >&2; exit 5"},
		"stdin": {"true"}, "stdout": {"true"}, "stderr": {"true"}}.Encode())
	// The newest WebSocket protocol (v5) ends at the API server, also at a real one: a runtime speaks v4 or SPDY.
	websocket, err := remotecommand.NewWebSocketExecutorForProtocols(l.apiServer(), "GET", at.String(), "v4.channel.k8s.io")
	l.must(err)
	spdy, err := remotecommand.NewSPDYExecutor(l.apiServer(), "POST", at)
	l.must(err)
	for protocol, executor := range map[string]remotecommand.Executor{"websocket": websocket, "SPDY": spdy} {
		var out, errOut bytes.Buffer
		err := executor.StreamWithContext(t.Context(), remotecommand.StreamOptions{Stdin: strings.NewReader("hello"), Stdout: &out, Stderr: &errOut})
		if got := fmt.Sprintf("%s|%s|%v", out.String(), errOut.String(), err); got != "hello|oops\n|command terminated with exit code 5" {
			t.Errorf("%s: %q", protocol, got)
		}
	}
	code, text := l.ask("exec/default/web-1/other?command=true")
	if code != http.StatusBadRequest || !strings.Contains(text, "container other is not running") {
		t.Errorf("a container that is not there: %d %s", code, text)
	}
}

func TestAttachJoinsTheContainersOwnProgram(t *testing.T) {
	l := newLab(t)
	l.create(pod("web-1", "read line; echo got $line", policy(corev1.RestartPolicyNever), func(p *corev1.Pod) {
		p.Spec.Containers[0].Stdin, p.Spec.Containers[0].StdinOnce = true, true
	}))
	l.becomes("web-1", "ready", ready)
	executor, err := remotecommand.NewSPDYExecutor(l.apiServer(), "POST", l.url("/attach/default/web-1/web", "stdin=true&stdout=true"))
	l.must(err)
	var out bytes.Buffer
	l.must(executor.StreamWithContext(t.Context(), remotecommand.StreamOptions{Stdin: strings.NewReader("hello\n"), Stdout: &out}))
	if out.String() != "got hello\n" {
		t.Errorf("the program says %q", out.String())
	}
}

func TestPortForwardReachesAPortInThePod(t *testing.T) {
	l := newLab(t)
	l.create(pod("web-1", "echo hello from the pod > /tmp/index.html; httpd -p 8080 -h /tmp; echo listening; "+obedient))
	l.becomes("web-1", "ready", ready)
	l.waitFor("the program to listen", func() bool { return l.log("web-1", "") == "listening\n" })
	transport, upgrader, err := spdy.RoundTripperFor(l.apiServer())
	l.must(err)
	dialer := spdy.NewDialer(upgrader, &http.Client{Transport: transport}, "POST", l.url("/portForward/default/web-1", ""))
	stop, ready := make(chan struct{}), make(chan struct{})
	forwarder, err := portforward.New(dialer, []string{":8080"}, stop, ready, io.Discard, io.Discard)
	l.must(err)
	done := make(chan error, 1)
	go func() { done <- forwarder.ForwardPorts() }()
	<-ready
	ports, err := forwarder.GetPorts()
	l.must(err)
	connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", ports[0].Local))
	l.must(err)
	defer connection.Close()
	fmt.Fprint(connection, "GET / HTTP/1.0\r\n\r\n")
	answer, err := io.ReadAll(connection)
	l.must(err)
	if !strings.Contains(string(answer), "hello from the pod") {
		t.Errorf("the answer is %q", answer)
	}
	close(stop)
	l.must(<-done)
}

func TestALogIsFollowedAcrossItsRotationToItsEnd(t *testing.T) {
	l := newLab(t)
	l.create(pod("web-1", "i=0; while [ $i -lt 300 ]; do echo line $i; i=$((i+1)); sleep 0.005; done", policy(corev1.RestartPolicyNever)))
	l.becomes("web-1", "running", func(p *corev1.Pod) bool { return web(p).State.Waiting == nil && web(p).ContainerID != "" })
	answer, err := l.callAs(access.Client(access.APIServerUser)).Get(l.url("/containerLogs/default/web-1/web", "follow=true").String())
	l.must(err)
	defer answer.Body.Close()
	recorder, err := trace.NewRecorder("test", "test", "")
	l.must(err)
	runtime, hangUp, err := cri.Dial(l.config.Runtime, recorder)
	l.must(err)
	defer hangUp()
	lines := bufio.NewScanner(answer.Body)
	for i := range 300 {
		if !lines.Scan() || lines.Text() != fmt.Sprintf("line %d", i) {
			t.Fatalf("line %d is %q (%v)", i, lines.Text(), lines.Err())
		}
		if i == 20 || i == 60 {
			l.must(serve.RotateLogs(t.Context(), runtime, 100))
		}
	}
	if lines.Scan() {
		t.Errorf("after the end comes %q", lines.Text())
	}
}

func TestPartsOfALogCanBeAskedFor(t *testing.T) {
	l := newLab(t)
	l.create(pod("web-1", "echo one; sleep 0.1; echo two >&2; sleep 0.1; echo three", policy(corev1.RestartPolicyNever)))
	l.becomes("web-1", "done", func(p *corev1.Pod) bool { return p.Status.Phase == corev1.PodSucceeded })
	for options, want := range map[string]string{
		"": "one\ntwo\nthree\n", "tailLines=1": "three\n", "limitBytes=5": "one\nt", "stream=Stderr": "two\n",
		"sinceTime=" + time.Now().Add(time.Hour).UTC().Format(time.RFC3339): "",
	} {
		if got := l.log("web-1", options); got != want {
			t.Errorf("log with %q: %q", options, got)
		}
	}
	if got := l.log("web-1", "timestamps=true&tailLines=1"); !strings.HasSuffix(got, "Z three\n") {
		t.Errorf("with its time: %q", got)
	}
	code, text := l.ask("containerLogs/default/web-1/web?tailLines=many")
	if code != http.StatusBadRequest || !strings.Contains(text, "tailLines") {
		t.Errorf("a bad option: %d %s", code, text)
	}
}

func TestANodeWithoutItsRuntimeIsNotReady(t *testing.T) {
	l := newLab(t)
	l.kill(l.runtime)
	_, err := l.admin.CoreV1().Nodes().Patch(t.Context(), nodeName, types.MergePatchType,
		[]byte(`{"metadata":{"annotations":{"example.com/look":"now"}}}`), metav1.PatchOptions{}) // rather than in ten seconds
	l.must(err)
	l.waitFor("the node to say so", func() bool {
		c := l.nodeReady()
		return c.Status == corev1.ConditionFalse && c.Reason == "KubeletNotReady"
	})
	l.startRuntime()
	l.waitFor("the node to be ready again", func() bool { return l.nodeReady().Status == corev1.ConditionTrue })
}

func TestWithoutAnAPIServerAKubeletServesAndLeavesAloneWhatRuns(t *testing.T) {
	l := newLab(t)
	l.create(pod("web-1", obedient))
	before := web(l.becomes("web-1", "ready", ready))
	l.kill(l.kubelet)
	real := l.who.Kubeconfig
	config, err := clientcmd.LoadFromFile(real)
	l.must(err)
	for _, cluster := range config.Clusters {
		cluster.Server = "https://127.0.0.1:1"
	}
	l.who.Kubeconfig = filepath.Join(l.dir, "nowhere.kubeconfig")
	l.must(clientcmd.WriteToFile(*config, l.who.Kubeconfig))
	l.startKubelet()
	client := l.callAs(access.Client(access.APIServerUser))
	l.waitFor("the kubelet to serve", func() bool {
		answer, err := client.Get(l.url("/healthz", "").String())
		if err != nil {
			return false
		}
		answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	})
	l.kill(l.kubelet)
	l.who.Kubeconfig = real
	l.startKubelet()
	l.create(pod("web-2", obedient))
	l.becomes("web-2", "ready", ready)
	if after := web(l.get("web-1")); after.ContainerID != before.ContainerID || !after.Ready {
		t.Errorf("before %+v, after %+v", before, after)
	}
}

func TestTheNodeSaysWhatItHasAndThatItLives(t *testing.T) {
	l := newLab(t)
	node, err := l.admin.CoreV1().Nodes().Get(t.Context(), nodeName, metav1.GetOptions{})
	l.must(err)
	if node.Labels[corev1.LabelHostname] != nodeName || node.Status.Capacity.Cpu().String() != "2" || node.Status.Allocatable.Pods().Value() != 110 ||
		!strings.HasPrefix(node.Status.NodeInfo.ContainerRuntimeVersion, "kubelab://") || node.Status.NodeInfo.KubeletVersion != Version {
		t.Errorf("the node: %+v", node)
	}
	renewals := map[string]bool{}
	l.waitFor("the lease to be renewed", func() bool {
		lease, err := l.admin.CoordinationV1().Leases("kube-node-lease").Get(t.Context(), nodeName, metav1.GetOptions{})
		if err == nil && lease.Spec.RenewTime != nil {
			renewals[lease.Spec.RenewTime.String()] = true
		}
		return len(renewals) == 2
	})
}
