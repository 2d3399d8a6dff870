package deadlines

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
)

// Crowd is how many connections a server has at once. An address is a host: in IPv6, all of a /64.
type Crowd struct {
	Silent    int // of an address, which have asked for nothing yet. One more, and the oldest of them goes: who has something to say has said it
	OfAddress int // of an address
	All       int
}

// Wide is for servers whose clients have certificates: components, and thousands of nodes that are simulated behind one address.
var Wide = Crowd{Silent: 500, OfAddress: 10_000, All: 20_000}

// Listener returns one whose connections are counted.
func (c Crowd) Listener(of net.Listener) *Counted {
	return &Counted{Listener: of, crowd: c, of: map[netip.Prefix]int{}}
}

// Counted is a listener whose connections are counted until they are closed.
type Counted struct {
	net.Listener
	crowd Crowd

	mu     sync.Mutex
	of     map[netip.Prefix]int
	all    int
	silent []*counted // the oldest first
}

// Watch has a server tell which connections have asked for something. Without that all count as silent.
func (l *Counted) Watch(server *http.Server) {
	next := server.ConnState
	server.ConnState = func(of net.Conn, state http.ConnState) {
		if next != nil {
			next(of, state)
		}
		if state != http.StateActive {
			return
		}
		for of != nil {
			if c, ours := of.(*counted); ours {
				l.heard(c)
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

// Accept waits for the next connection that there is room for. Others are ended.
func (l *Counted) Accept() (net.Conn, error) {
	for {
		accepted, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := &counted{Conn: accepted, from: AddressOf(accepted), listener: l}
		victim := l.enter(c)
		if victim != nil {
			victim.drop()
		}
		if victim != c {
			return c, nil
		}
	}
}

// enter counts a connection, and returns the one that has to go for it, which may be itself.
func (l *Counted) enter(c *counted) (victim *counted) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.of[c.from]++
	l.all++
	l.silent = append(l.silent, c)
	mine, silent := -1, 0
	for i, other := range l.silent {
		if other.from == c.from {
			if silent++; silent == 1 {
				mine = i
			}
		}
	}
	switch {
	case silent > l.crowd.Silent, l.of[c.from] > l.crowd.OfAddress:
		return l.silent[mine]
	case l.all > l.crowd.All:
		return l.silent[0]
	}
	return nil
}

// heard notes that a connection is not silent any more.
func (l *Counted) heard(c *counted) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.silent = slices.DeleteFunc(l.silent, func(other *counted) bool { return other == c })
}

func (l *Counted) leave(c *counted) {
	l.heard(c)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all--
	if l.of[c.from]--; l.of[c.from] == 0 {
		delete(l.of, c.from)
	}
}

// counted is one of the connections.
type counted struct {
	net.Conn
	from     netip.Prefix
	listener *Counted
	left     sync.Once
}

// NetConn is the connection itself.
func (c *counted) NetConn() net.Conn { return c.Conn }

// Close ends the connection.
func (c *counted) Close() error {
	c.left.Do(func() { c.listener.leave(c) })
	return c.Conn.Close()
}

// drop ends a connection that has said nothing: no last words have to arrive.
func (c *counted) drop() {
	c.left.Do(func() { c.listener.leave(c) })
	if abrupt, ok := c.Conn.(interface{ Drop() error }); ok {
		_ = abrupt.Drop()
		return
	}
	_ = c.Conn.Close()
}

// AddressOf is where a connection comes from. In IPv6 one host has a whole /64.
func AddressOf(conn net.Conn) netip.Prefix {
	remote, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	if err != nil {
		return netip.Prefix{} // what has no address of IP is counted together
	}
	address := remote.Addr().Unmap().WithZone("")
	bits := address.BitLen()
	if address.Is6() {
		bits = 64
	}
	prefix, _ := address.Prefix(bits) // bits fits the address
	return prefix
}
