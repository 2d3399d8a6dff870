package site_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gorilla/websocket"

	"kubelab/kube/trace"
	"kubelab/site"
	"kubelab/site/record"
)

// run is a site that is served on the loopback.
type run struct {
	t       *testing.T
	server  *site.Server
	history *record.History
	address string
	end     func() // stops it and waits until it has ended

	mu   sync.Mutex
	urls map[site.Role]string
}

func (r *run) url(role site.Role) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.urls[role]
}

// serve starts a site. change may plug in what it has.
func serve(t *testing.T, change func(*site.Config)) *run {
	t.Helper()
	return serveOn(t, "", "", change)
}

func serveOn(t *testing.T, cert, key string, change func(*site.Config)) *run {
	t.Helper()
	r := &run{t: t, history: record.NewHistory(record.LiveLimits), urls: map[site.Role]string{}}
	config := site.Config{
		Cluster: "lab", Source: r.history,
		Pages: fstest.MapFS{
			"index.html":         {Data: []byte("<html>the page</html>")},
			"assets/app-1a2b.js": {Data: bytes.Repeat([]byte("let x = 1;\n"), 500)},
		},
		Publish: func(role site.Role, url string) error {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.urls[role] = url
			return nil
		},
	}
	if change != nil {
		change(&config)
	}
	listener, err := site.Listen("127.0.0.1:0", cert, key, "")
	if err != nil {
		t.Fatal(err)
	}
	r.address, r.server = listener.Addr().String(), site.New(config)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.server.Serve(ctx, listener) }()
	r.end = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the server ended with %v", err)
		}
	})
	t.Cleanup(r.end)
	r.wait("the address", func() bool { return r.url(site.Student) != "" })
	return r
}

// wait waits until something is so.
func (r *run) wait(what string, so func() bool) {
	r.t.Helper()
	for began := time.Now(); !so(); time.Sleep(time.Millisecond) {
		if time.Since(began) > 10*time.Second {
			r.t.Fatalf("waited in vain for %s", what)
		}
	}
}

// browser keeps the cookie, by whatever name it calls the site, and names the page that a request comes from.
type browser struct {
	t      *testing.T
	client *http.Client
	cookie *http.Cookie
	origin string
}

// stranger is a browser that has no cookie.
func (r *run) stranger() *browser {
	// Each browser has its own connections, and none follows a redirect.
	client := &http.Client{Transport: &http.Transport{}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	r.t.Cleanup(client.CloseIdleConnections)
	return &browser{t: r.t, client: client, origin: "http://" + r.address}
}

// in is a browser that has used an address.
func (r *run) in(role site.Role) *browser {
	r.t.Helper()
	b := r.stranger()
	if got := b.get(strings.TrimPrefix(r.url(role), b.origin)); got.status != http.StatusSeeOther {
		r.t.Fatalf("a fresh address gives %d: %s", got.status, got.body)
	}
	return b
}

type answer struct {
	status int
	body   string
	header http.Header
}

func (b *browser) get(path string, change ...func(*http.Request)) answer {
	b.t.Helper()
	return b.do(http.MethodGet, path, "", change...)
}

// post is what a page of ours sends.
func (b *browser) post(path, body string, change ...func(*http.Request)) answer {
	b.t.Helper()
	return b.do(http.MethodPost, path, body, append([]func(*http.Request){header("Origin", b.origin)}, change...)...)
}

func (b *browser) do(method, path, body string, change ...func(*http.Request)) answer {
	b.t.Helper()
	request, err := http.NewRequestWithContext(b.t.Context(), method, b.origin+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	if b.cookie != nil {
		request.AddCookie(b.cookie)
	}
	for _, f := range change {
		f(request)
	}
	response, err := b.client.Do(request)
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, cookie := range response.Cookies() {
		b.cookie = cookie
	}
	return answer{response.StatusCode, string(content), response.Header}
}

// header changes a header of a request; of more than one value each is sent.
func header(name string, values ...string) func(*http.Request) {
	return func(r *http.Request) {
		if name == "Host" {
			r.Host = values[0]
			return
		}
		r.Header[name] = values
	}
}

// dial opens a websocket. The status is that of a refusal.
func (b *browser) dial(path string, change ...func(*http.Request)) (*websocket.Conn, int) {
	b.t.Helper()
	request := &http.Request{Header: http.Header{"Origin": {b.origin}}}
	if b.cookie != nil {
		request.AddCookie(b.cookie)
	}
	for _, f := range change {
		f(request)
	}
	if request.Host != "" {
		request.Header.Set("Host", request.Host)
	}
	conn, response, err := websocket.DefaultDialer.DialContext(b.t.Context(), strings.Replace(b.origin, "http", "ws", 1)+path, request.Header)
	if err != nil {
		if response == nil {
			b.t.Fatal(err)
		}
		return nil, response.StatusCode
	}
	b.t.Cleanup(func() { conn.Close() })
	return conn, http.StatusSwitchingProtocols
}

// open is a websocket that must be let in.
func (b *browser) open(path string) *talk {
	b.t.Helper()
	conn, status := b.dial(path)
	if conn == nil {
		b.t.Fatalf("%s: %d", path, status)
	}
	return &talk{b.t, conn}
}

type talk struct {
	t *testing.T
	*websocket.Conn
}

// hear reads a message in JSON.
func (c *talk) hear() (message map[string]json.RawMessage) {
	c.t.Helper()
	kind, text := c.message()
	if err := json.Unmarshal(text, &message); kind != websocket.TextMessage || err != nil {
		c.t.Fatalf("message of kind %d: %v: %s", kind, err, text)
	}
	return message
}

func (c *talk) message() (kind int, content []byte) {
	c.t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second)) // only sets a field
	kind, content, err := c.ReadMessage()
	if err != nil {
		c.t.Fatal(err)
	}
	return kind, content
}

// closed reads until the server hangs up, and returns with what.
func (c *talk) closed() *websocket.CloseError {
	c.t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Second)) // only sets a field
	for {
		_, _, err := c.ReadMessage()
		var closed *websocket.CloseError
		switch {
		case errors.As(err, &closed):
			return closed
		case err != nil:
			c.t.Fatalf("hung up on without a word: %v", err)
		}
	}
}

func into[T any](t *testing.T, text []byte) (value T) {
	t.Helper()
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return value
}

func object(name string, revision int64) record.Frame {
	return record.Frame{Object: &record.Object{
		Ref: trace.Ref{Resource: "pods", Namespace: "default", Name: name}, Revision: revision, Body: json.RawMessage(`{}`),
	}}
}

// goroutines tells what all goroutines do.
func goroutines() string {
	text := make([]byte, 1<<20)
	return string(text[:runtime.Stack(text, true)])
}
