//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/transport/spdy"
	"k8s.io/client-go/util/exec"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
	"k8s.io/kubectl/pkg/util/term"
	streamspdy "k8s.io/streaming/pkg/httpstream/spdy"

	"kubelab/kube/podnet"
)

func newCRIExecCommand(client *criClient, with withClient) *cobra.Command {
	var stdin, tty bool
	command := &cobra.Command{
		Use: "exec ID|NAME -- COMMAND [ARG…]", Short: "Run a further command in a running container", Args: cobra.MinimumNArgs(2),
		RunE: with(func(command *cobra.Command, args []string) error {
			return client.exec(command.Context(), args[0], args[1:], stdin, tty)
		}),
	}
	command.Flags().BoolVarP(&stdin, "stdin", "i", false, "pass our input on")
	command.Flags().BoolVarP(&tty, "tty", "t", false, "give the command a terminal")
	return command
}

func (c *criClient) exec(ctx context.Context, word string, args []string, stdin, tty bool) error {
	container, err := c.findContainer(ctx, word)
	if err != nil {
		return err
	}
	answer, err := c.Exec(ctx, &cri.ExecRequest{ContainerId: container.Id, Cmd: args, Stdin: stdin, Stdout: true, Stderr: !tty, Tty: tty})
	if err != nil {
		return err
	}
	var input io.Reader
	if stdin {
		input = os.Stdin
	}
	return c.stream(ctx, answer.Url, input, tty)
}

// attach joins us to a container that is created, and calls start once we are joined, so that we see all of its output.
func (c *criClient) attach(ctx context.Context, id string, tty bool, start func() error) error {
	answer, err := c.Attach(ctx, &cri.AttachRequest{ContainerId: id, Stdin: true, Stdout: true, Stderr: !tty, Tty: tty})
	if err != nil {
		return err
	}
	var failed error
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	input := &whenRead{Reader: os.Stdin, first: func() {
		if failed = start(); failed != nil {
			cancel()
		}
	}}
	err = c.stream(ctx, answer.Url, input, tty)
	input.once.Do(func() {}) // whoever is in it has left it
	return errors.Join(failed, err)
}

// whenRead calls first before it is read for the first time, which a client does as soon as its streams are open.
type whenRead struct {
	io.Reader
	once  sync.Once
	first func()
}

func (w *whenRead) Read(p []byte) (int, error) {
	w.once.Do(w.first)
	return w.Reader.Read(p)
}

// stream joins our own stdio to what is behind a URL of the runtime's.
func (c *criClient) stream(ctx context.Context, address string, stdin io.Reader, tty bool) error {
	target, err := url.Parse(address)
	if err != nil {
		return err
	}
	transport, err := streamspdy.NewRoundTripperWithConfig(streamspdy.RoundTripperConfig{UpgradeTransport: &http.Transport{DialContext: c.dialInside}})
	if err != nil {
		return err
	}
	executor, err := remotecommand.NewSPDYExecutorForTransports(transport, spdy.NewUpgraderForStreaming(transport), http.MethodPost, target)
	if err != nil {
		return err
	}
	options := remotecommand.StreamOptions{Stdin: stdin, Stdout: os.Stdout, Stderr: os.Stderr, Tty: tty}
	if !tty {
		return asExitCode(executor.StreamWithContext(ctx, options))
	}
	options.Stderr = nil // a terminal has one output
	terminal := term.TTY{In: os.Stdin, Out: os.Stdout, Raw: true}
	if !terminal.IsTerminalIn() {
		return errors.New("our own input is no terminal: leave out -t")
	}
	options.TerminalSizeQueue = sizes{terminal.MonitorSize(terminal.GetSize())}
	return asExitCode(terminal.Safe(func() error { return executor.StreamWithContext(ctx, options) }))
}

// sizes are the terminal's, one after each change.
type sizes struct{ term.TerminalSizeQueue }

func (s sizes) Next() *remotecommand.TerminalSize {
	return (*remotecommand.TerminalSize)(s.TerminalSizeQueue.Next())
}

// asExitCode finds the exit code of the command in what came at the end of its stream.
func asExitCode(err error) error {
	var exit exec.CodeExitError
	if errors.As(err, &exit) {
		return exitCode(exit.Code)
	}
	return err
}

// dialInside connects to a port of the runtime's, which is on the loopback interface of the network that the runtime is in, and that need not be ours.
func (c *criClient) dialInside(_ context.Context, network, address string) (net.Conn, error) {
	socket, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: c.socket})
	if err != nil {
		return nil, fmt.Errorf("connect to the runtime: %w", err)
	}
	defer socket.Close()
	raw, err := socket.SyscallConn()
	if err != nil {
		return nil, err
	}
	var runtime *unix.Ucred // the process at the other end of the socket
	var failed error
	if err := raw.Control(func(fd uintptr) { runtime, failed = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); err != nil || failed != nil {
		return nil, fmt.Errorf("find the runtime's process: %w", errors.Join(err, failed))
	}
	var conn net.Conn
	err = podnet.Do(fmt.Sprintf("/proc/%d/ns/net", runtime.Pid), func() (err error) {
		conn, err = net.Dial(network, address)
		return err
	})
	return conn, err
}
