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
//
// The while is short, but for a stream ([Streams]): of `kubectl exec pod -- cat long | less` the last part waits until somebody turns
// the page, and that may take minutes.
package hangup

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"
)

// terms are how long the other side has.
type terms struct {
	patience time.Duration // to go on after the end
	pause    time.Duration // to take nothing of what is left of a stream
}

var usual = terms{patience: 5 * time.Second, pause: 5 * time.Minute}

// Streams tells a server's connections which of them are streams: those that a handler has taken over (hijacked), for somebody who
// may have one.
func Streams(server *http.Server) {
	server.ConnState = func(of net.Conn, state http.ConnState) {
		if state != http.StateHijacked {
			return
		}
		for of != nil {
			if c, ours := of.(*conn); ours {
				c.stream.Store(true)
				return
			}
			wrapped, ok := of.(interface{ NetConn() net.Conn }) // as tls.Conn
			if !ok {
				return
			}
			of = wrapped.NetConn()
		}
	}
}

// Listener returns one whose connections hang up in this way. Others than TCP's stay as they are.
func Listener(of net.Listener) net.Listener { return listener{of, usual, false} }

// StreamListener returns one whose connections are all streams.
func StreamListener(of net.Listener) net.Listener { return listener{of, usual, true} }

type listener struct {
	net.Listener
	terms   terms
	streams bool
}

// Accept waits for the next connection.
func (l listener) Accept() (net.Conn, error) {
	accepted, err := l.Listener.Accept()
	if tcp, ok := accepted.(*net.TCPConn); ok {
		c := &conn{TCPConn: tcp, terms: l.terms}
		c.stream.Store(l.streams)
		return c, nil
	}
	return accepted, err
}

type conn struct {
	*net.TCPConn
	terms          terms
	closed, stream atomic.Bool
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
	go c.drain() // ends by itself
	return nil
}

// Drop ends the connection at once. What was written may be lost.
func (c *conn) Drop() error {
	c.closed.Store(true)
	return c.TCPConn.Close()
}

// drain throws away what comes, until the other side ends or has had its time, and closes.
func (c *conn) drain() {
	taken, left := time.Now(), unsent(c.TCPConn)
	for {
		_ = c.SetDeadline(time.Now().Add(c.terms.patience))
		_, err := io.Copy(io.Discard, c.TCPConn)
		now := unsent(c.TCPConn)
		if now < left {
			taken, left = time.Now(), now
		}
		if !c.stream.Load() || !errors.Is(err, os.ErrDeadlineExceeded) || now == 0 || time.Since(taken) > c.terms.pause {
			break
		}
	}
	_ = c.TCPConn.Close()
}
