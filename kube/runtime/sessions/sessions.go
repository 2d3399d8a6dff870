//go:build linux

// Package sessions is how a client's connection comes into a pod: exec, attach and port-forward.
//
// What goes both ways for long (a shell, a forwarded port) does not go over gRPC: CRI gives the kubelet a URL with a token that is good once,
// and the kubelet passes the bytes of kubectl's connection on to it (SPDY or WebSocket). The server of these URLs is here.
package sessions

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"

	"k8s.io/cri-streaming/pkg/streaming"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
	utilexec "k8s.io/utils/exec"

	"kubelab/kube/containers"
	"kubelab/kube/containers/streams"
	"kubelab/kube/deadlines"
	"kubelab/kube/hangup"
)

// Pods are what the sessions lead into.
type Pods interface {
	// Running is the shim of a container that runs; an error says that it does not.
	Running(container string) (*containers.Shim, error)
	// NotExited is the shim of a container that runs, or will.
	NotExited(container string) (*containers.Shim, error)
	// NetNS is the path of a ready sandbox's network namespace, empty if it is the node's.
	NetNS(sandbox string) (string, error)
}

// Server gives out URLs (GetExec, GetAttach, GetPortForward), and serves them until it is closed.
type Server struct {
	streaming.Server
	web  *http.Server
	done chan struct{}
}

// Serve opens a web server on the loopback interface of the node. The caller closes it.
func Serve(pods Pods) (*Server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open the port for exec, attach and port-forward: %w", err)
	}
	config := streaming.DefaultConfig
	config.BaseURL = &url.URL{Scheme: "http", Host: listener.Addr().String()}
	urls, err := streaming.NewServer(config, into{pods})
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	s := &Server{urls, deadlines.Usual.Server(urls), make(chan struct{})} // a session takes its connection over, and the terms end with that
	hangup.Streams(s.web)
	crowd := deadlines.Wide.Listener(hangup.Listener(listener))
	crowd.Watch(s.web)
	go func() {
		defer close(s.done)
		if err := s.web.Serve(crowd); !errors.Is(err, http.ErrServerClosed) {
			slog.Error("exec, attach and port-forward have ended", "error", err)
		}
	}()
	return s, nil
}

// Close ends the server.
func (s *Server) Close() {
	s.web.Close()
	<-s.done
}

// into is what the web server calls once a client has come to a URL.
type into struct{ pods Pods }

// Exec runs a command on the client's streams. An exit code other than 0 is an error, of the type that the server knows.
func (s into) Exec(ctx context.Context, id string, args []string, in io.Reader, out, errOut io.WriteCloser, tty bool, resize <-chan remotecommand.TerminalSize) error {
	shim, err := s.pods.Running(id)
	if err != nil {
		return err
	}
	config := containers.ExecConfig{Args: args, Terminal: tty}
	if tty {
		config.Env = []string{"TERM=xterm"}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	code, err := shim.Exec(ctx, id, config, stdio(in, out, errOut), sizes(ctx, resize))
	if err == nil && code != 0 {
		return utilexec.CodeExitError{Code: code, Err: fmt.Errorf("exit code %d", code)}
	}
	return err
}

// Attach joins the client's streams to the container's command.
func (s into) Attach(ctx context.Context, id string, in io.Reader, out, errOut io.WriteCloser, _ bool, resize <-chan remotecommand.TerminalSize) error {
	shim, err := s.pods.NotExited(id)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	return shim.Attach(ctx, id, stdio(in, out, errOut), sizes(ctx, resize))
}

// stdio leaves out the streams that the client has not asked for.
func stdio(in io.Reader, out, errOut io.WriteCloser) streams.Stdio {
	var all streams.Stdio
	if in != nil {
		all.Stdin = in
	}
	if out != nil {
		all.Stdout = out
	}
	if errOut != nil {
		all.Stderr = errOut
	}
	return all
}

// sizes passes the terminal's sizes on until ctx ends.
func sizes(ctx context.Context, from <-chan remotecommand.TerminalSize) <-chan streams.Size {
	if from == nil {
		return nil
	}
	to := make(chan streams.Size)
	go func() {
		defer close(to)
		for {
			select {
			case size, more := <-from:
				if !more {
					return
				}
				select {
				case to <- streams.Size{Width: size.Width, Height: size.Height}:
				case <-ctx.Done():
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	return to
}
