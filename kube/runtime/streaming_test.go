//go:build linux

package runtime

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/util/exec"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// open prepares to talk to a stream's URL as a kubelet does: in SPDY. (kubectl's WebSocket ends at the API server, which
// translates.)
func open(t *testing.T, address string) remotecommand.Executor {
	t.Helper()
	target, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	executor, err := remotecommand.NewSPDYExecutor(&rest.Config{}, http.MethodPost, target)
	if err != nil {
		t.Fatal(err)
	}
	return executor
}

func TestExecPassesInputOutputAndExitCode(t *testing.T) {
	n := newNode(t)
	p := n.runPod("web")
	id := p.run("main", "sleep 1000")
	answer, err := n.Exec(t.Context(), &cri.ExecRequest{
		ContainerId: id, Cmd: []string{"sh", "-c", "cat; echo bad >&2; exit 6"}, Stdin: true, Stdout: true, Stderr: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	executor := open(t, answer.Url)
	var stdout, stderr bytes.Buffer
	err = executor.StreamWithContext(t.Context(), remotecommand.StreamOptions{Stdin: strings.NewReader("in and out\n"), Stdout: &stdout, Stderr: &stderr})
	var exit exec.CodeExitError
	if !errors.As(err, &exit) || exit.Code != 6 {
		t.Errorf("the command ended with %v, want exit code 6", err)
	}
	if stdout.String() != "in and out\n" || stderr.String() != "bad\n" {
		t.Errorf("stdout %q, stderr %q", stdout.String(), stderr.String())
	}
	if err := executor.StreamWithContext(t.Context(), remotecommand.StreamOptions{Stdout: io.Discard}); err == nil {
		t.Error("the URL is good twice")
	}
}

// screen is a terminal's two ends, as a test sees them.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
	next chan remotecommand.TerminalSize
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *screen) shows(text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Contains(s.text.String(), text)
}

func (s *screen) Next() *remotecommand.TerminalSize {
	size, more := <-s.next
	if !more {
		return nil
	}
	return &size
}

func TestAnAttachedTerminalShowsOutputTakesInputAndKnowsItsSize(t *testing.T) {
	n := newNode(t)
	p := n.runPod("web")
	id := p.create("main", "echo begin; read line; echo got $line; until [ \"$(stty size)\" = '33 99' ]; do sleep 0.01; done; echo resized; read x",
		func(config *cri.ContainerConfig) { config.Tty, config.Stdin = true, true })
	answer, err := n.Attach(t.Context(), &cri.AttachRequest{ContainerId: id, Stdin: true, Stdout: true, Tty: true})
	if err != nil {
		t.Fatal(err)
	}
	executor := open(t, answer.Url)
	if _, err := n.StartContainer(t.Context(), &cri.StartContainerRequest{ContainerId: id}); err != nil {
		t.Fatal(err)
	}
	terminal := &screen{next: make(chan remotecommand.TerminalSize, 1)}
	input, keyboard := io.Pipe()
	done := make(chan error, 1)
	go func() {
		defer input.Close() // typing goes nowhere then
		done <- executor.StreamWithContext(t.Context(), remotecommand.StreamOptions{Stdin: input, Stdout: terminal, Tty: true, TerminalSizeQueue: terminal})
	}()
	fmt.Fprintln(keyboard, "hello")
	waitFor(t, "an answer", func() bool { return terminal.shows("got hello") })
	terminal.next <- remotecommand.TerminalSize{Width: 99, Height: 33}
	waitFor(t, "the new size", func() bool { return terminal.shows("resized") })
	fmt.Fprintln(keyboard, "")
	if err := <-done; err != nil {
		t.Errorf("attach ended with %v", err)
	}
	close(terminal.next)
	keyboard.Close()
}

func TestPortForwardReachesWhatListensOnLoopbackInsideThePod(t *testing.T) {
	n := newNode(t)
	p := n.runPod("web")
	id := p.run("main", "mkdir /www; echo hello > /www/index.html; httpd -f -p 127.0.0.1:8080 -h /www")
	p.exec(id, "until nc 127.0.0.1 8080 </dev/null; do sleep 0.01; done") // a client gives up at the first refusal
	ports, _, _ := n.forward(p.id, "8080", "81")
	client := http.Client{Timeout: 10 * time.Second}
	get := func(port uint16) string {
		response, err := client.Get(fmt.Sprintf("http://127.0.0.1:%d/", port))
		if err != nil {
			return err.Error()
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		return string(body)
	}
	if got := get(ports[0]); got != "hello\n" {
		t.Errorf("the web server in the pod says %q", got)
	}
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", ports[1]))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if n, err := conn.Read(make([]byte, 1)); err == nil {
		t.Errorf("%d bytes come from a port where nobody listens", n)
	}
}

func TestStreamsNeedAContainerThatRuns(t *testing.T) {
	n := newNode(t)
	p := n.runPod("web")
	id := p.run("main", "true")
	p.exit(id)
	if _, err := n.Exec(t.Context(), &cri.ExecRequest{ContainerId: id, Cmd: []string{"true"}, Stdout: true}); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("exec in a container that has exited: %v", err)
	}
	if _, err := n.Attach(t.Context(), &cri.AttachRequest{ContainerId: "nothere", Stdout: true}); status.Code(err) != codes.NotFound {
		t.Errorf("attach to a container that is not there: %v", err)
	}
	if _, err := n.PortForward(t.Context(), &cri.PortForwardRequest{PodSandboxId: "nothere"}); status.Code(err) != codes.NotFound {
		t.Errorf("forward to a pod that is not there: %v", err)
	}
}
