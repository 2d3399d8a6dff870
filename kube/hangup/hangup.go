// Package hangup ends TCP connections so that the last words of a server arrive.
//
// # The problem
//
// A server that has said all that it had to say closes the connection. If something that it has not read waits in the
// socket by then (the rest of an input that a command did not take), the kernel does not say "end" to the other side, but "reset"
// (RFC 1122, 4.2.2.13). A reset overtakes what is on its way, and whoever passes the bytes on sees an error of one direction, and
// gives up both. So of `yes | kubectl exec -i pod -- head -n 1` the output would be lost now and then, and the exit code with it.
//
// # The idea
//
// Say "end" first, then read on for a while what nobody wants, until the other side ends too. Only then close.
package hangup

import (
	"io"
	"net"
	"sync/atomic"
	"time"
)

// patience is how long the other side may go on after the end.
const patience = 5 * time.Second

// Listener returns one whose connections hang up in this way. Others than TCP's stay as they are.
func Listener(of net.Listener) net.Listener { return listener{of} }

type listener struct{ net.Listener }

// Accept waits for the next connection.
func (l listener) Accept() (net.Conn, error) {
	accepted, err := l.Listener.Accept()
	if tcp, ok := accepted.(*net.TCPConn); ok {
		return &conn{TCPConn: tcp}, nil
	}
	return accepted, err
}

type conn struct {
	*net.TCPConn
	closed atomic.Bool
}

// Read fails with [net.ErrClosed] once the connection is closed.
func (c *conn) Read(p []byte) (int, error) {
	if c.closed.Load() {
		return 0, net.ErrClosed
	}
	n, err := c.TCPConn.Read(p)
	if c.closed.Load() {
		return 0, net.ErrClosed
	}
	return n, err
}

// Close sends the end after all that was written, and returns. What still comes is thrown away.
func (c *conn) Close() error {
	if c.closed.Swap(true) {
		return net.ErrClosed
	}
	_ = c.SetReadDeadline(time.Unix(1, 0)) // whoever reads stops
	if err := c.CloseWrite(); err != nil { // the other side has gone
		return c.TCPConn.Close()
	}
	go func() { // ends by itself
		_ = c.SetDeadline(time.Now().Add(patience))
		_, _ = io.Copy(io.Discard, c.TCPConn)
		_ = c.TCPConn.Close()
	}()
	return nil
}
