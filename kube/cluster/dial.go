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
	var connections sync.WaitGroup
	defer connections.Wait()
	defer cancel()
	if len(state.Spec.Relayed) > 0 {
		connections.Go(func() { relay(ctx, state.Spec.machine(), state.Spec.Relayed) })
	}
	for {
		near, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		connections.Go(func() { lead(ctx, near, state.Spec) })
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

// join copies between two connections until both sides have said all, one breaks, or ctx is done.
func join(ctx context.Context, a, b net.Conn) {
	stop := context.AfterFunc(ctx, func() { _, _ = a.Close(), b.Close() })
	defer stop()
	defer b.Close()
	var halves sync.WaitGroup
	half := func(to, from net.Conn) {
		if _, err := io.Copy(to, from); err != nil {
			_, _ = to.Close(), from.Close()
		} else if tcp, ok := to.(*net.TCPConn); ok {
			_ = tcp.CloseWrite()
		}
	}
	halves.Go(func() { half(a, b) })
	halves.Go(func() { half(b, a) })
	halves.Wait()
}
