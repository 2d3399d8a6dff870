package deadlines

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
)

// soon is short enough to be waited for.
const soon = 200 * time.Millisecond

// serve serves until the test ends, over TLS and with HTTP/2.
func serve(t *testing.T, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	server.Config = Terms{Head: soon, Request: soon, Idle: soon}.Server(handler)
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

// open connects with TLS. protocol is what is spoken after it. On a busy machine a handshake may outlast its term.
func open(t *testing.T, server *httptest.Server, protocol string) *tls.Conn {
	t.Helper()
	config := server.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	config.NextProtos = []string{protocol}
	var failure error
	for range tries {
		conn, err := tls.Dial("tcp", server.Listener.Addr().String(), config)
		if err == nil {
			t.Cleanup(func() { conn.Close() })
			return conn
		}
		failure = err
	}
	t.Fatal(failure)
	return nil
}

// tries is how often something is begun anew whose term was over before.
const tries = 20

// ask sends a request, and returns when the server has begun with it.
func ask(t *testing.T, server *httptest.Server, protocol, request string, begun <-chan struct{}) *tls.Conn {
	t.Helper()
	for range tries {
		conn := open(t, server, protocol)
		_, _ = io.WriteString(conn, request)
		select {
		case <-begun:
			return conn
		case <-time.After(2 * soon):
		}
	}
	t.Fatal("the server has begun with no request")
	return nil
}

// ends fails where the server has not ended the connection a while after its term.
func ends(t *testing.T, conn net.Conn) {
	t.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(20 * soon))
	if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the connection still stands")
	}
}

func write(t *testing.T, to io.Writer, text string) {
	t.Helper()
	if _, err := io.WriteString(to, text); err != nil {
		t.Fatal(err)
	}
}

const get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

func TestWhoeverIsSlowIsLetGo(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, "ok")
	})
	t.Run("before the handshake", func(t *testing.T) {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		ends(t, conn)
	})
	t.Run("before the request", func(t *testing.T) { ends(t, open(t, server, "http/1.1")) })
	t.Run("in the head", func(t *testing.T) {
		conn := open(t, server, "http/1.1")
		write(t, conn, "GET / HTTP/1.1\r\nHost:")
		ends(t, conn)
	})
	t.Run("in the body", func(t *testing.T) {
		conn := open(t, server, "http/1.1")
		write(t, conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nx")
		ends(t, conn)
	})
	t.Run("with the next request", func(t *testing.T) {
		conn := open(t, server, "http/1.1")
		write(t, conn, get)
		ends(t, conn)
	})
	t.Run("in HTTP/2", func(t *testing.T) {
		conn := open(t, server, "h2")
		write(t, conn, http2Preface)
		ends(t, conn)
	})
}

// http2Preface is how a client begins: with an empty frame of settings.
const http2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"

func TestWhoeverDoesNotReadTheAnswerIsLetGo(t *testing.T) {
	begun, written := make(chan struct{}, tries), make(chan error, tries)
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		begun <- struct{}{}
		_, err := io.Copy(w, strings.NewReader(strings.Repeat("x", 64<<20)))
		written <- err
	})
	ask(t, server, "http/1.1", get, begun)
	notWritten(t, written)
}

func notWritten(t *testing.T, written <-chan error) {
	t.Helper()
	select {
	case err := <-written:
		if err == nil {
			t.Error("64 MiB are written to a client that reads nothing")
		}
	case <-time.After(100 * soon): // to fill what lies between the two takes a busy machine a while
		t.Error("a client that reads nothing is still waited for")
	}
}

func TestWhoeverDoesNotReadInHTTP2IsLetGoThoughItSpeaksAndTheTermIsLifted(t *testing.T) {
	begun, written := make(chan struct{}, tries), make(chan error, tries)
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		Lift(w)
		begun <- struct{}{}
		_, err := io.Copy(w, strings.NewReader(strings.Repeat("x", 64<<20)))
		written <- err
	})
	const (
		wideStreams    = "\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x04\x7f\xff\xff\xff" // SETTINGS: 2 GiB for each stream
		wideConnection = "\x00\x00\x04\x08\x00\x00\x00\x00\x00\x7f\x00\x00\x00"         // WINDOW_UPDATE: and for all
		get            = "\x00\x00\x06\x01\x05\x00\x00\x00\x01\x82\x87\x84\x01\x01x"
		ping           = "\x00\x00\x08\x06\x00\x00\x00\x00\x0012345678"
	)
	conn := ask(t, server, "h2", http2Preface+wideStreams+wideConnection+get, begun)
	go func() {
		for range 100 * 4 {
			if _, err := io.WriteString(conn, ping); err != nil {
				return
			}
			time.Sleep(soon / 4)
		}
	}()
	notWritten(t, written)
}

func TestWhatIsMeantToLastLasts(t *testing.T) {
	lasts := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/lifted" {
			Lift(w)
		}
		select {
		case <-r.Context().Done():
			return
		case <-time.After(3 * soon):
		}
		fmt.Fprint(w, "after all")
	}
	server := serve(t, lasts)
	older := server.Client().Transport.(*http.Transport).Clone()
	older.TLSClientConfig.NextProtos = []string{"http/1.1"}
	older.ForceAttemptHTTP2 = false
	for version, transport := range map[string]http.RoundTripper{"HTTP/2.0": server.Client().Transport, "HTTP/1.1": older} {
		read := func(path string) string {
			answer, err := (&http.Client{Transport: transport}).Get(server.URL + path)
			if err != nil {
				return ""
			}
			defer answer.Body.Close()
			if answer.Proto != version {
				t.Errorf("%s is spoken, want %s", answer.Proto, version)
			}
			text, _ := io.ReadAll(answer.Body)
			return string(text)
		}
		if got := read("/lifted"); got != "after all" {
			t.Errorf("%s: with the term lifted the answer is %q", version, got)
		}
		if got := read("/"); got != "" {
			t.Errorf("%s: after its term the answer is %q", version, got)
		}
	}
}

func TestAConnectionThatIsTakenOverHasNoTerm(t *testing.T) {
	begun := make(chan struct{}, tries)
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		conn, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		begun <- struct{}{}
		_, _ = io.Copy(conn, buffered)
	})
	conn := ask(t, server, "http/1.1", get, begun)
	time.Sleep(3 * soon) // the term passes
	write(t, conn, "hello\n")
	_ = conn.SetReadDeadline(time.Now().Add(20 * soon))
	if line, err := bufio.NewReader(conn).ReadString('\n'); line != "hello\n" {
		t.Errorf("the echo is %q: %v", line, err)
	}
}
