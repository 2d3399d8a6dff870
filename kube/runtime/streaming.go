//go:build linux

package runtime

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
	"k8s.io/cri-streaming/pkg/streaming"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
	utilexec "k8s.io/utils/exec"

	"kubelab/kube/containers"
	"kubelab/kube/deadlines"
	"kubelab/kube/hangup"
)

// What goes both ways for long (a shell, a forwarded port) does not go over gRPC: CRI gives the kubelet a URL with a token that is good once,
// and the kubelet passes the bytes of kubectl's connection on to it (SPDY or WebSocket).

// serveStreams opens that web server on the loopback interface of the node, and returns how to end it.
func (r *Runtime) serveStreams() (stop func(), err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open the port for exec, attach and port-forward: %w", err)
	}
	config := streaming.DefaultConfig
	config.BaseURL = &url.URL{Scheme: "http", Host: listener.Addr().String()}
	if r.streams, err = streaming.NewServer(config, streams{r}); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	server := deadlines.Usual.Server(r.streams) // a session takes its connection over, and the terms end with that
	hangup.Streams(server)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := server.Serve(hangup.Listener(listener)); !errors.Is(err, http.ErrServerClosed) {
			slog.Error("exec, attach and port-forward have ended", "error", err)
		}
	}()
	return func() { server.Close(); <-done }, nil
}

// Exec prepares a connection to a further command in a running container.
func (r *Runtime) Exec(_ context.Context, request *cri.ExecRequest) (*cri.ExecResponse, error) {
	if _, err := r.running(request.GetContainerId()); err != nil {
		return nil, err
	}
	return r.streams.GetExec(request)
}

// Attach prepares a connection to the command of a container. It may begin later, so that no output of it is missed.
func (r *Runtime) Attach(_ context.Context, request *cri.AttachRequest) (*cri.AttachResponse, error) {
	if _, err := r.notExited(request.GetContainerId()); err != nil {
		return nil, err
	}
	return r.streams.GetAttach(request)
}

// PortForward prepares connections to ports of a pod.
func (r *Runtime) PortForward(_ context.Context, request *cri.PortForwardRequest) (*cri.PortForwardResponse, error) {
	if _, err := r.netNS(request.GetPodSandboxId()); err != nil {
		return nil, err
	}
	return r.streams.GetPortForward(request)
}

// running is the shim of a container that runs.
func (r *Runtime) running(id string) (*containers.Shim, error) {
	c, shim, err := r.withShim(id)
	if err != nil {
		return nil, err
	}
	if now := r.state(c); now.State != containers.Running {
		return nil, status.Errorf(codes.FailedPrecondition, "container %s is not running: it is %s", id, now.State)
	}
	return shim, nil
}

// notExited is the shim of a container that runs, or will.
func (r *Runtime) notExited(id string) (*containers.Shim, error) {
	c, shim, err := r.withShim(id)
	if err == nil && r.state(c).State == containers.Exited {
		err = status.Errorf(codes.FailedPrecondition, "container %s has exited", id)
	}
	return shim, err
}

// netNS is the path of a ready sandbox's network namespace, empty if it is the node's.
func (r *Runtime) netNS(id string) (string, error) {
	sb, err := r.findSandbox(id)
	if err != nil {
		return "", err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return sb.record.NetNS, sb.usable()
}

// maxOutput is what ExecSync keeps of each stream (CVE-2022-1708: the output of a probe must not fill the node's memory).
const maxOutput = 16 << 20

// bounded keeps the first bytes that are written to it.
type bounded struct{ bytes.Buffer }

func (b *bounded) Write(p []byte) (int, error) {
	b.Buffer.Write(p[:min(len(p), maxOutput-b.Len())])
	return len(p), nil
}

// ExecSync runs a command in a container and waits for it, for as many seconds as the request says.
func (r *Runtime) ExecSync(ctx context.Context, request *cri.ExecSyncRequest) (*cri.ExecSyncResponse, error) {
	shim, err := r.running(request.GetContainerId())
	if err != nil {
		return nil, err
	}
	if request.GetTimeout() > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(request.Timeout)*time.Second)
		defer cancel()
	}
	var stdout, stderr bounded
	code, err := shim.Exec(ctx, request.ContainerId, containers.ExecConfig{Args: request.GetCmd()}, containers.Stdio{Stdout: &stdout, Stderr: &stderr}, nil)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil, status.Errorf(codes.DeadlineExceeded, "command %q timed out after %d s", request.Cmd, request.Timeout)
	} else if err != nil {
		return nil, err
	}
	return &cri.ExecSyncResponse{Stdout: stdout.Bytes(), Stderr: stderr.Bytes(), ExitCode: int32(code)}, nil
}

// streams is what the web server calls once a client has come to a URL.
type streams struct{ runtime *Runtime }

// Exec runs a command on the client's streams. An exit code other than 0 is an error, of the type that the server knows.
func (s streams) Exec(ctx context.Context, id string, args []string, in io.Reader, out, errOut io.WriteCloser, tty bool, resize <-chan remotecommand.TerminalSize) error {
	shim, err := s.runtime.running(id)
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
func (s streams) Attach(ctx context.Context, id string, in io.Reader, out, errOut io.WriteCloser, _ bool, resize <-chan remotecommand.TerminalSize) error {
	shim, err := s.runtime.notExited(id)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	return shim.Attach(ctx, id, stdio(in, out, errOut), sizes(ctx, resize))
}

// stdio leaves out the streams that the client has not asked for.
func stdio(in io.Reader, out, errOut io.WriteCloser) containers.Stdio {
	var all containers.Stdio
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
func sizes(ctx context.Context, from <-chan remotecommand.TerminalSize) <-chan containers.Size {
	if from == nil {
		return nil
	}
	to := make(chan containers.Size)
	go func() {
		defer close(to)
		for {
			select {
			case size, more := <-from:
				if !more {
					return
				}
				select {
				case to <- containers.Size{Width: size.Width, Height: size.Height}:
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
