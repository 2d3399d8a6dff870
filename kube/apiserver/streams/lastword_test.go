package streams

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/tools/remotecommand"
	clientexec "k8s.io/client-go/util/exec"
	serving "k8s.io/cri-streaming/pkg/streaming/remotecommand"
	utilexec "k8s.io/utils/exec"
)

// command is what a node runs for exec; it may cut its connections.
type command func(out io.Writer, cut func()) error

type node struct {
	command
	mu    sync.Mutex
	conns []net.Conn
}

func (n *node) cut() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, conn := range n.conns {
		conn.Close()
	}
}

// ExecInContainer is called by the server of streams.
func (n *node) ExecInContainer(_ context.Context, _, _, _ string, _ []string, _ io.Reader, out, _ io.WriteCloser, _ bool, _ <-chan serving.TerminalSize, _ time.Duration) error {
	return n.command(out, n.cut)
}

func TestASessionThatBreaksOffIsNoSuccess(t *testing.T) {
	for name, test := range map[string]struct {
		run  command
		want func(error) bool
	}{
		"it does well": {func(io.Writer, func()) error { return nil }, func(err error) bool { return err == nil }},
		"it fails": {func(io.Writer, func()) error { return utilexec.CodeExitError{Code: 3, Err: errors.New("3")} }, func(err error) bool {
			var exit clientexec.CodeExitError
			return errors.As(err, &exit) && exit.Code == 3
		}},
		"its node goes": {func(_ io.Writer, cut func()) error { cut(); return nil }, func(err error) bool { return errors.Is(err, errCutOff) }},
	} {
		n := &node{command: func(out io.Writer, cut func()) error {
			_, _ = io.WriteString(out, "begun")
			return test.run(out, cut)
		}}
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			serving.ServeExec(w, r, n, "", "", "", nil, &serving.Options{Stdout: true}, time.Minute, time.Minute, serving.SupportedStreamingProtocols)
		}))
		server.Config.ConnState = func(conn net.Conn, state http.ConnState) {
			if state == http.StateNew {
				n.mu.Lock()
				defer n.mu.Unlock()
				n.conns = append(n.conns, conn)
			}
		}
		server.StartTLS()
		at, err := url.Parse(server.URL + "?output=true")
		if err != nil {
			t.Fatal(err)
		}
		k := &target{url: at, transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}}}
		var out bytes.Buffer
		err = k.stream(t.Context(), remotecommand.StreamOptions{Stdout: &out})
		if !test.want(err) {
			t.Errorf("%s: %v, after %q", name, err, out.String())
		}
		server.Close()
	}
}
