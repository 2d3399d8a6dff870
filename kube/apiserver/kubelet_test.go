package apiserver_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"

	"kubelab/kube/access"
	"kubelab/kube/apiserver"
	"kubelab/kube/apiserver/apiservertest"
	"kubelab/kube/deadlines"
	"kubelab/kube/operator"
)

// scanned is a cluster whose API server takes the addresses 192.0.2.x for those of ports on this machine.
type scanned struct {
	*apiservertest.Cluster
	t      *testing.T
	person *operator.Client
	ports  map[string]string // by address
}

func scan(t *testing.T) *scanned {
	t.Helper()
	return scanWith(t, deadlines.Usual)
}

func scanWith(t *testing.T, terms deadlines.Terms) *scanned {
	t.Helper()
	s := &scanned{t: t, ports: map[string]string{}}
	s.Cluster = apiservertest.StartWith(t, func(config *apiserver.Config) {
		config.Terms, config.Policy = terms, apiservertest.Policy(t, declared("kubelet"))
		config.DialKubelet = func(ctx context.Context, network, address string) (net.Conn, error) {
			host, _, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			if port, known := s.ports[host]; known {
				address = "127.0.0.1:" + port
			}
			return (&net.Dialer{}).DialContext(ctx, network, address)
		}
	}, kinds...)
	s.person = s.Admin()
	waitFor(t, "a pod and its node to be made: on a busy machine short terms can be over first", func() bool {
		_, pod := s.person.CoreV1().Pods("default").Create(t.Context(), podOnNode1(), metav1.CreateOptions{})
		_, node := s.person.CoreV1().Nodes().Create(t.Context(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "node-1"}}, metav1.CreateOptions{})
		return made(pod) && made(node)
	})
	return s
}

func made(err error) bool { return err == nil || apierrors.IsAlreadyExists(err) }

func podOnNode1() *corev1.Pod {
	p := pod("web")
	p.Spec.NodeName = "node-1"
	return p
}

// at has the node say that its kubelet listens at an address, as somebody who may write any status.
func (s *scanned) at(address, port string) {
	s.t.Helper()
	status := fmt.Sprintf(`{"status":{"addresses":[{"type":"InternalIP","address":%q}],"daemonEndpoints":{"kubeletEndpoint":{"Port":%s}}}}`, address, port)
	if _, err := s.person.CoreV1().Nodes().Patch(s.t.Context(), "node-1", types.MergePatchType, []byte(status), metav1.PatchOptions{}, "status"); err != nil {
		s.t.Fatal(err)
	}
	waitFor(s.t, "the API server to have heard", func() bool {
		n, err := s.person.CoreV1().Nodes().Get(s.t.Context(), "node-1", metav1.GetOptions{ResourceVersion: "0"})
		return err == nil && len(n.Status.Addresses) == 1 && n.Status.Addresses[0].Address == address && fmt.Sprint(n.Status.DaemonEndpoints.KubeletEndpoint.Port) == port
	})
}

// answers are what a person is told in each of the ways in which a kubelet is asked.
func (s *scanned) answers() map[string]string {
	s.t.Helper()
	trust, err := rest.TLSConfigFor(s.person.Config)
	if err != nil {
		s.t.Fatal(err)
	}
	trust.NextProtos = []string{"http/1.1"}
	const base = "/api/v1/namespaces/default/pods/web/"
	const exec = base + "exec?command=true&stdout=true"
	plain := func(method, path string, header map[string]string) string {
		request, err := http.NewRequestWithContext(s.t.Context(), method, s.person.Config.Host+path, nil)
		if err != nil {
			s.t.Fatal(err)
		}
		for name, value := range header {
			request.Header.Set(name, value)
		}
		answer, err := (&http.Client{Transport: &http.Transport{TLSClientConfig: trust.Clone(), DisableKeepAlives: true}}).Do(request)
		if err != nil {
			return err.Error()
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		return fmt.Sprint(answer.Status, string(body), err)
	}
	socket := func(path string, protocols ...string) string {
		dialer := websocket.Dialer{TLSClientConfig: trust.Clone(), Subprotocols: protocols}
		conn, answer, err := dialer.Dial(strings.Replace(s.person.Config.Host, "https", "wss", 1)+path, nil)
		if err == nil {
			conn.Close()
			return "open"
		}
		var body []byte
		if answer != nil {
			body, _ = io.ReadAll(answer.Body)
		}
		return fmt.Sprint(err, string(body))
	}
	v5 := func() string {
		executor, err := remotecommand.NewWebSocketExecutor(s.person.Config, http.MethodGet, s.person.Config.Host+exec)
		if err == nil {
			err = executor.StreamWithContext(s.t.Context(), remotecommand.StreamOptions{Stdout: &bytes.Buffer{}})
		}
		return strings.TrimPrefix(fmt.Sprint(err), "unable to upgrade streaming request: ") // the client's own words
	}
	spdy := map[string]string{"Connection": "Upgrade", "Upgrade": "SPDY/3.1"}
	return map[string]string{
		"log": plain(http.MethodGet, base+"log", nil), "log as messages": socket(base+"log", "binary.k8s.io"),
		"exec": plain(http.MethodPost, exec, spdy), "exec over a websocket": v5(),
		"port-forward": plain(http.MethodPost, base+"portforward", spdy), "port-forward in a tunnel": socket(base+"portforward?ports=80", "SPDY/3.1+portforward.k8s.io"),
	}
}

// listen serves one of this machine's ports until the test ends.
func (s *scanned) listen(serve func(net.Conn)) (port string) {
	s.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			} else if err == nil {
				serve(conn)
				conn.Close()
			}
		}
	}()
	_, port, _ = net.SplitHostPort(listener.Addr().String())
	return port
}

// serveAs is a kubelet that shows the certificate of a node.
func (s *scanned) serveAs(node, address string, answer http.HandlerFunc) {
	server := httptest.NewUnstartedServer(answer)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{s.Certificate(access.NodeServer(node, netip.MustParseAddr(address)))}}
	server.StartTLS()
	s.t.Cleanup(server.Close)
	_, s.ports[address], _ = net.SplitHostPort(server.Listener.Addr().String())
}

func aWord(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "a word") }

func TestNobodyLearnsFromALogWhatListensWhere(t *testing.T) {
	s := scan(t)
	open := s.listen(func(conn net.Conn) { _, _ = io.WriteString(conn, "SSH-2.0-OpenSSH_9.2p1\r\n") })
	closed := freePort(t)
	s.ports["192.0.2.1"], s.ports["192.0.2.2"] = open, closed
	s.serveAs("node-2", "192.0.2.3", aWord)
	var first map[string]string
	for _, place := range [][2]string{
		{"127.0.0.1", open}, {"127.0.0.1", closed}, {"::1", open}, {"[::1]", open}, {"169.254.169.254", "80"}, {"localhost", open},
		{"192.0.2.1", "10250"}, {"192.0.2.2", "10250"}, {"192.0.2.3", "10250"}, // something else, nothing, another node's kubelet
	} {
		s.at(place[0], place[1])
		got := s.answers()
		if first == nil {
			first = got
		}
		if diff := cmp.Diff(first, got); diff != "" {
			t.Errorf("at %s it is told otherwise than at first:\n%s", place, diff)
		}
	}
	for way, answer := range first {
		if !strings.Contains(strings.ReplaceAll(answer, `\`, ""), `the kubelet of node "node-1" cannot be reached`) {
			t.Errorf("%s: %s", way, answer)
		}
	}
}

func TestAKubeletIsWhoeverHasTheNodesCertificate(t *testing.T) {
	s := scan(t)
	s.serveAs("node-1", "192.0.2.4", aWord)
	s.at("192.0.2.4", "10250")
	if got := s.answers()["log"]; !strings.Contains(got, "a word") {
		t.Errorf("of the node's own kubelet: %s", got)
	}
}

func TestANodeCannotSayThatItIsElsewhere(t *testing.T) {
	s := scan(t)
	own := netip.MustParseAddr("192.0.2.4")
	kubelet := s.Client("kubelet", access.NodeClient("node-1", own))
	for _, address := range []string{"127.0.0.1", "169.254.169.254", "[::1]", "localhost", "192.0.2.5", "192.0.2.4"} {
		status := fmt.Sprintf(`{"status":{"addresses":[{"type":"InternalIP","address":%q}]}}`, address)
		_, err := kubelet.CoreV1().Nodes().Patch(t.Context(), "node-1", types.MergePatchType, []byte(status), metav1.PatchOptions{}, "status")
		if address == own.String() && err != nil {
			t.Errorf("its own address: %v", err)
		}
		if address != own.String() && !apierrors.IsForbidden(err) {
			t.Errorf("%s: got %v, want Forbidden", address, err)
		}
		got, err := s.person.CoreV1().Nodes().Get(t.Context(), "node-1", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, is := range got.Status.Addresses {
			if is.Address != own.String() {
				t.Errorf("the node is at %s", is.Address)
			}
		}
	}
	err := s.person.CoreV1().Nodes().Delete(t.Context(), "node-1", metav1.DeleteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	made := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "node-1"}}
	made.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: "127.0.0.1"}}
	if _, err := kubelet.CoreV1().Nodes().Create(t.Context(), made, metav1.CreateOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("a new node at 127.0.0.1: got %v, want Forbidden", err)
	}
}

func TestWhatAKubeletSendsOutlivesTheTermsOfTheConnection(t *testing.T) {
	s := scanWith(t, deadlines.Terms{Head: soon, Request: soon, Idle: soon})
	s.serveAs("node-1", "192.0.2.4", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") == "" {
			fmt.Fprintln(w, "early")
			_ = http.NewResponseController(w).Flush()
			time.Sleep(4 * soon) // every term passes
			fmt.Fprintln(w, "late")
			return
		}
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n")
		_, _ = io.Copy(conn, conn)
	})
	s.at("192.0.2.4", "10250")
	if got, err := s.person.CoreV1().Pods("default").GetLogs("web", &corev1.PodLogOptions{Follow: true}).DoRaw(t.Context()); string(got) != "early\nlate\n" {
		t.Errorf("the log is %q: %v", got, err)
	}
	conn, err := connect(t, s.person.Config, false, "POST /api/v1/namespaces/default/pods/web/portforward HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n")
	if err != nil {
		t.Fatal(err)
	}
	answers := bufio.NewReader(conn)
	if answer, err := http.ReadResponse(answers, nil); err != nil || answer.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%v, %v", answer, err)
	}
	time.Sleep(4 * soon)
	_, _ = io.WriteString(conn, "hello\n")
	if line, err := answers.ReadString('\n'); line != "hello\n" {
		t.Errorf("the echo is %q: %v", line, err)
	}
}
