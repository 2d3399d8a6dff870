package site_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"kubelab/site"
	"kubelab/site/record"
)

// pipes are connections without a network, so that time can be the test's own.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	close  func()
}

func newPipes() *pipes {
	closed := make(chan struct{})
	return &pipes{make(chan net.Conn), closed, sync.OnceFunc(func() { close(closed) })}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.close()
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }

func (p *pipes) dial() net.Conn {
	ours, theirs := net.Pipe()
	p.conns <- theirs
	return ours
}

// inBubble serves a site over pipes in a time of its own, where to begin a challenge takes two minutes. cookie is that of a student.
func inBubble(t *testing.T, do func(dial func() net.Conn, cookie string)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var token string
		server := site.New(site.Config{
			Source: record.NewHistory(record.LiveLimits), Pages: fstest.MapFS{"index.html": {Data: []byte("page")}},
			Labs: &parts{begin: func(context.Context) { time.Sleep(2 * time.Minute) }},
			Publish: func(role site.Role, address string) error {
				if role == site.Student {
					token = address
				}
				return nil
			},
		})
		listener := newPipes()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- server.Serve(ctx, listener) }()
		synctest.Wait()
		conn := listener.dial()
		fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", pathOf(t, token))
		got, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || len(got.Cookies()) != 1 {
			t.Fatalf("%v, %v", err, got)
		}
		conn.Close()
		do(listener.dial, got.Cookies()[0].String())
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestWhoIsTooSlowIsHungUpOn(t *testing.T) {
	inBubble(t, func(dial func() net.Conn, cookie string) {
		for _, c := range []struct {
			name, says string
			deaf       bool
			term       time.Duration
		}{
			{"connects", "", false, 5 * time.Second},
			{"sends half of its headers", "GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ", false, 5 * time.Second},
			{"sends half of its body", "POST /api/gates HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\nContent-Length: 9\r\nCookie: " + cookie + "\r\n\r\n{", false, 30 * time.Second},
			{"reads no answer", "GET / HTTP/1.1\r\nHost: localhost\r\nCookie: " + cookie + "\r\n\r\n", true, time.Minute},
			{"asks for nothing more", "GET / HTTP/1.1\r\nHost: localhost\r\nCookie: " + cookie + "\r\n\r\n", false, 2 * time.Minute},
			{"is nobody, and asks for nothing more", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", false, 0},
			{"answers no ping", "GET /ws/stream HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
				"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MTIzNDU2Nzg5MDEyMzQ1Ng==\r\nCookie: " + cookie + "\r\n\r\n", false, time.Minute},
		} {
			conn, began := dial(), time.Now()
			if _, err := io.WriteString(conn, c.says); err != nil {
				t.Fatal(err)
			}
			if c.deaf {
				time.Sleep(c.term + time.Second)
			}
			_ = conn.SetReadDeadline(began.Add(time.Hour)) // only sets a field
			answer, err := io.ReadAll(conn)
			if took := time.Since(began); err != nil || took < c.term || took > c.term+2*time.Second {
				t.Errorf("who %s is hung up on after %v: %v", c.name, took, err)
			}
			if c.deaf && len(answer) > 0 {
				t.Errorf("who %s gets one all the same: %s", c.name, answer)
			}
			conn.Close()
		}
	})
}

func TestNobodyKeepsOthersOutHoweverManyConnectionsTheyHave(t *testing.T) {
	cert, key, _ := certificate(t)
	for _, files := range [][2]string{{"", ""}, {cert, key}} {
		listener, err := site.Listen("127.0.0.1:0", files[0], files[1], "")
		if err != nil {
			t.Fatal(err)
		}
		server := site.New(site.Config{Publish: func(site.Role, string) error { return nil }})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- server.Serve(ctx, listener) }()
		for range 600 {
			conn, err := net.Dial("tcp", listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
		}
		for _, from := range []byte{1, 2} { // who has all these, and somebody else
			dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, from)}, Timeout: 20 * time.Second}
			client := http.Client{Timeout: 4 * time.Second, Transport: &http.Transport{
				DialContext: dialer.DialContext, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true,
			}}
			scheme := "http"
			if files[0] != "" {
				scheme = "https"
			}
			if got, err := client.Get(scheme + "://" + listener.Addr().String()); err != nil || got.StatusCode != http.StatusUnauthorized {
				t.Errorf("over %s 127.0.0.%d has no answer: %v, %v", scheme, from, got, err)
			}
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

func TestHeadersHaveAnEnd(t *testing.T) {
	inBubble(t, func(dial func() net.Conn, _ string) {
		for size, want := range map[int]int{20 << 10: http.StatusUnauthorized, 64 << 10: http.StatusRequestHeaderFieldsTooLarge} {
			conn := dial()
			go fmt.Fprintf(conn, "GET /api/book HTTP/1.1\r\nHost: localhost\r\nX-Long: %s\r\n\r\n", strings.Repeat("x", size)) // it may break off
			got, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil || got.StatusCode != want {
				t.Errorf("%d bytes: %v, %v", size, got, err)
			}
			conn.Close()
		}
	})
}

func TestHoweverManyAddressesGuessThePasswordTheyAreTogetherSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var handler http.Handler
		anew := func() {
			handler = site.New(site.Config{Password: password, Publish: func(site.Role, string) error { return nil }}).Handler()
		}
		// refused is how many of the guesses, each from an address, are not even looked at.
		refused := func(guesses int, address func(i int) string) (n int) {
			for i := range guesses {
				request := httptest.NewRequest(http.MethodPost, "http://localhost/signin", strings.NewReader(url.Values{"password": {"wrong"}}.Encode()))
				request.Header.Set("Origin", "http://localhost")
				request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				request.RemoteAddr = net.JoinHostPort(address(i), "4000")
				answer := httptest.NewRecorder()
				handler.ServeHTTP(answer, request)
				if answer.Code == http.StatusTooManyRequests {
					n++
				}
			}
			return n
		}
		v4 := func(i int) string { return fmt.Sprintf("10.0.%d.%d", i/200, i%200) }
		anew()
		if n := refused(150, v4); n != 50 {
			t.Errorf("of 150 addresses %d are refused", n)
		}
		anew()
		if n := refused(15, func(i int) string { return fmt.Sprintf("2001:db8::%x", i+1) }); n != 5 {
			t.Errorf("of 15 guesses of one who has 2⁶⁴ addresses %d are refused", n)
		}
		if n := refused(15, func(i int) string { return fmt.Sprintf("2001:db8:0:%x::1", i+1) }); n != 0 {
			t.Errorf("of 15 who have 2⁶⁴ addresses each %d are refused", n)
		}
		anew()
		refused(10, func(int) string { return "192.0.2.1" })
		refused(1000, v4)
		time.Sleep(time.Second) // of all together five more may guess
		if n := refused(1, func(int) string { return "192.0.2.1" }); n != 0 {
			t.Error("the table of those who guess grows without end: the first is still in it after a thousand others")
		}
	})
}
