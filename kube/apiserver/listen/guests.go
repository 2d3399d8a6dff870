package listen

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"kubelab/kube/deadlines"
)

// Whoever shows no certificate may only ask how the server is. So that such guests do not use up what those with a
// certificate need, there are so many of their connections at once, from one address and in all. They are counted from the moment at
// which it is known that there is no certificate: one that came to count by being slow could lock out others of its address.
const (
	maxGuestsOfAddress = 100
	maxGuests          = 1000
)

// guests counts the connections of clients without a certificate.
type guests struct {
	mu     sync.Mutex
	of     map[netip.Prefix]int
	all    int
	warned time.Time
}

func newGuests() *guests { return &guests{of: map[netip.Prefix]int{}} }

// enter counts a connection, or refuses it.
func (g *guests) enter(from netip.Prefix) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.all >= maxGuests || g.of[from] >= maxGuestsOfAddress {
		if time.Since(g.warned) > time.Minute {
			g.warned = time.Now()
			slog.Warn("too many connections without a client certificate", "address", from, "of the address", g.of[from], "all", g.all)
		}
		return fmt.Errorf("%s has %d connections without a client certificate, of %d: %d and %d are allowed", from, g.of[from], g.all, maxGuestsOfAddress, maxGuests)
	}
	g.of[from]++
	g.all++
	return nil
}

func (g *guests) leave(from netip.Prefix) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.all--
	if g.of[from]--; g.of[from] == 0 {
		delete(g.of, from)
	}
}

// listener returns one whose connections are counted once [guests.watch] has seen that they are of guests.
func (g *guests) listener(of net.Listener) net.Listener { return guestListener{of, g} }

type guestListener struct {
	net.Listener
	guests *guests
}

// Accept waits for the next connection.
func (l guestListener) Accept() (net.Conn, error) {
	accepted, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &guestConn{Conn: accepted, guests: l.guests, from: deadlines.AddressOf(accepted)}, nil
}

// guestConn is a connection that may be a guest's.
type guestConn struct {
	net.Conn
	guests *guests
	from   netip.Prefix

	mu              sync.Mutex
	counted, closed bool
}

// enter counts the connection as a guest's, until it is closed.
func (c *guestConn) enter() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counted || c.closed {
		return nil
	}
	err := c.guests.enter(c.from)
	c.counted = err == nil
	return err
}

// NetConn is the connection itself.
func (c *guestConn) NetConn() net.Conn { return c.Conn }

// Close ends the connection.
func (c *guestConn) Close() error {
	c.mu.Lock()
	if c.counted && !c.closed {
		c.guests.leave(c.from)
	}
	c.closed = true
	c.mu.Unlock()
	return c.Conn.Close()
}

// watch completes a server's configuration: at the end of each handshake without a certificate its connection is counted.
func (g *guests) watch(config *tls.Config) *tls.Config {
	watching := config.Clone()
	watching.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		conn, ours := hello.Conn.(*guestConn)
		if !ours {
			return nil, nil
		}
		own := config.Clone()
		own.VerifyConnection = func(state tls.ConnectionState) error {
			if len(state.PeerCertificates) > 0 {
				return nil
			}
			return conn.enter()
		}
		return own, nil
	}
	return watching
}
