//go:build linux

package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"kubelab/kube/podnet"
)

// DialFrom dials an address as if from a host. The connection stays in the host's network.
func DialFrom(ctx context.Context, name, host, network, address string) (net.Conn, error) {
	state, err := readState(name)
	if err != nil {
		return nil, err
	}
	process, there := state.Processes[host]
	if !there || !process.Alive() {
		return nil, fmt.Errorf("host %s of cluster %s does not run", host, name)
	}
	var conn net.Conn
	err = podnet.Do(fmt.Sprintf("/proc/%d/ns/net", process.PID), func() error {
		conn, err = (&net.Dialer{}).DialContext(ctx, network, address)
		return err
	})
	return conn, err
}

const (
	maxForwarded = 1000             // connections at once; whoever comes then waits
	lastHearing  = 10 * time.Second // for what a client still says when the server has ended
)

// Forward listens on an address of the machine and leads each connection to an API server, from inside
// the network of the host that it runs on: that works for an isolated cluster too, and after a restart
// of the host.
func Forward(ctx context.Context, name, listen string) error {
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = listener.Close() })
	defer stop()
	state, err := readState(name)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	var names sync.WaitGroup
	defer names.Wait()
	var connections errgroup.Group
	connections.SetLimit(maxForwarded)
	defer connections.Wait()
	defer cancel()
	if len(state.Spec.Relayed) > 0 {
		names.Go(func() { relay(ctx, state.Spec.machine(), state.Spec.Relayed) })
	}
	for {
		near, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		connections.Go(func() error {
			lead(ctx, near, state.Spec)
			return nil
		})
	}
}

// lead leads a connection to the first API server that takes it.
func lead(ctx context.Context, near net.Conn, spec Spec) {
	defer near.Close()
	far, err := dialAPI(ctx, spec)
	if err != nil {
		slog.Debug("no API server answers", "error", err)
		return
	}
	join(ctx, near, far)
}

func dialAPI(ctx context.Context, spec Spec) (net.Conn, error) {
	var failures error
	for _, host := range spec.With(ControlPlane) {
		conn, err := DialFrom(ctx, spec.Name, host.Name, "tcp", apiAddress(host.Address))
		if err == nil {
			return conn, nil
		}
		failures = errors.Join(failures, err)
	}
	return nil, failures
}

func apiAddress(ip netip.Addr) string {
	return net.JoinHostPort(ip.String(), strconv.Itoa(DefaultPort))
}

// join copies between a client and its server until both have said all, one breaks, or ctx is done. When the server has said
// all, a client that says nothing more is not waited for: the server has closed by then.
func join(ctx context.Context, client, server net.Conn) {
	stop := context.AfterFunc(ctx, func() { _, _ = client.Close(), server.Close() })
	defer stop()
	defer server.Close()
	var halves sync.WaitGroup
	half := func(to, from net.Conn) {
		if _, err := io.Copy(to, from); err != nil {
			_, _ = to.Close(), from.Close()
		} else if tcp, ok := to.(*net.TCPConn); ok {
			_ = tcp.CloseWrite()
		}
	}
	halves.Go(func() {
		half(client, server)
		_ = client.SetReadDeadline(time.Now().Add(lastHearing))
	})
	halves.Go(func() { half(server, client) })
	halves.Wait()
}
