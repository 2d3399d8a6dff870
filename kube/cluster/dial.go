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
	"os"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"kubelab/kube/hangup"
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

const maxForwarded = 1000 // connections at once; whoever comes then waits

// terms are how long a client may take when its server has ended.
type terms struct {
	say  time.Duration // what it still has to say
	take time.Duration // the next of what is left: a person may be reading it
}

var usual = terms{say: 10 * time.Second, take: 5 * time.Minute}

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
	// What is left of an answer may wait in the socket: whoever reads it comes to its end, though both have said all.
	clients := hangup.StreamListener(listener)
	for {
		near, err := clients.Accept()
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
	join(ctx, near, far, usual)
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
// all, a client that says nothing more is not waited for, nor one that does not read what is left: the server has closed by then.
func join(ctx context.Context, client, server net.Conn, terms terms) {
	stop := context.AfterFunc(ctx, func() { _, _ = client.Close(), server.Close() })
	defer stop()
	defer server.Close()
	var halves sync.WaitGroup
	half := func(to net.Conn, in io.Writer, from net.Conn) {
		if _, err := io.Copy(in, from); err != nil {
			_, _ = to.Close(), from.Close()
		} else if other, ok := to.(interface{ CloseWrite() error }); ok {
			_ = other.CloseWrite()
		}
	}
	halves.Go(func() {
		half(client, &pausing{client, server, terms.take}, server)
		_ = client.SetReadDeadline(time.Now().Add(terms.say))
	})
	halves.Go(func() { half(server, server, client) })
	halves.Wait()
}

// pausing writes to a client, which may pause for as long as its server lives.
type pausing struct {
	client, server net.Conn
	take           time.Duration
}

// Write fails when the client has taken nothing for a while, and the server has ended.
func (p *pausing) Write(b []byte) (written int, err error) {
	for {
		_ = p.client.SetWriteDeadline(time.Now().Add(p.take))
		n, err := p.client.Write(b[written:])
		written += n
		if !errors.Is(err, os.ErrDeadlineExceeded) || n == 0 && ended(p.server) {
			return written, err
		}
	}
}

// ended says whether the other side of a connection has ended it, also where not all is read that it has said before.
func ended(conn net.Conn) (yes bool) {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return false
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return true // it is closed
	}
	err = raw.Control(func(fd uintptr) {
		n, _ := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}, 0)
		yes = n > 0
	})
	return yes || err != nil
}
