package deadlines

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"kubelab/kube/hangup"
)

// from is a connection of which only its other end is known.
type from struct {
	net.Conn
	address string
}

func (f from) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(f.address))
}

func TestAHostIsCountedOnceWhicheverOfItsAddressesItComesFrom(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.1:1": "192.0.2.1/32", "[::ffff:192.0.2.1]:2": "192.0.2.1/32", "192.0.2.2:1": "192.0.2.2/32",
		"[2001:db8::1]:1": "2001:db8::/64", "[2001:db8::ffff:0:0:1]:2": "2001:db8::/64", "[2001:db8:0:1::1]:1": "2001:db8:0:1::/64",
		"[fe80::1%eth0]:1": "fe80::/64", "[fe80::2%eth1]:1": "fe80::/64",
	} {
		if got := AddressOf(from{address: address}); got.String() != want {
			t.Errorf("%s: got %s, want %s", address, got, want)
		}
	}
}

// crowded serves with these bounds until the test ends.
func crowded(t *testing.T, crowd Crowd) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }))
	hangup.Streams(server.Config)
	counted := crowd.Listener(hangup.Listener(server.Listener))
	server.Listener = counted
	counted.Watch(server.Config)
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

func dial(t *testing.T, server *httptest.Server) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// keeps asks a server on a connection that is kept.
func keeps(t *testing.T, server *httptest.Server) (again func() error) {
	t.Helper()
	transport := server.Client().Transport.(*http.Transport).Clone()
	t.Cleanup(transport.CloseIdleConnections)
	ask := func() error {
		answer, err := (&http.Client{Transport: transport}).Get(server.URL)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		_, err = io.Copy(io.Discard, answer.Body)
		return err
	}
	if err := ask(); err != nil {
		t.Fatal(err)
	}
	return ask
}

func TestOfTheSilentTheOldestGoesAndWhoeverSpeaksComesIn(t *testing.T) {
	server := crowded(t, Crowd{Silent: 3, OfAddress: 100, All: 100})
	spoke := keeps(t, server)
	var silent []net.Conn
	for range 4 {
		silent = append(silent, dial(t, server))
	}
	ends(t, silent[0])
	if err := spoke(); err != nil {
		t.Errorf("one that has spoken: %v", err)
	}
	for range 5 {
		keeps(t, server)
	}
}

func TestAnAddressHasSoManyConnectionsAndAllTogetherHave(t *testing.T) {
	for _, crowd := range []Crowd{{Silent: 100, OfAddress: 3, All: 100}, {Silent: 100, OfAddress: 100, All: 3}} {
		server := crowded(t, crowd)
		for range 3 {
			keeps(t, server)
		}
		ends(t, dial(t, server))
		server.CloseClientConnections()
		for range 3 { // there is room again
			keeps(t, server)
		}
	}
}
