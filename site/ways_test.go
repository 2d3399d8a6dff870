package site_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"kubelab/site"
)

// forward carries connections of another port to the site, as ssh -L does.
func forward(t *testing.T, to string) (port string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for ours, err := listener.Accept(); err == nil; ours, err = listener.Accept() {
			theirs, err := net.Dial("tcp", to)
			if err != nil {
				t.Error(err)
				return
			}
			go func() {
				_, _ = io.Copy(theirs, ours) // either end may hang up
				theirs.Close()
			}()
			go func() {
				_, _ = io.Copy(ours, theirs)
				ours.Close()
			}()
		}
	}()
	_, port, _ = net.SplitHostPort(listener.Addr().String())
	return port
}

// person is a browser with a cookie jar that follows redirects; every name leads to one address.
type person struct {
	*http.Client
	websocket.Dialer
	origin string
}

func newPerson(t *testing.T, origin, address string, trusted *tls.Config) *person {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	transport := &http.Transport{DialContext: dial, TLSClientConfig: trusted}
	t.Cleanup(transport.CloseIdleConnections)
	return &person{&http.Client{Jar: jar, Transport: transport}, websocket.Dialer{Jar: jar, NetDialContext: dial, TLSClientConfig: trusted}, origin}
}

// uses looks at a page, changes something, and opens a terminal. It returns the status of each.
func (p *person) uses(t *testing.T) (status [3]int) {
	t.Helper()
	change, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.origin+"/api/gates", strings.NewReader(changes["/api/gates"]))
	if err != nil {
		t.Fatal(err)
	}
	change.Header.Set("Origin", p.origin)
	for i, ask := range []func() (*http.Response, error){
		func() (*http.Response, error) { return p.Get(p.origin + "/api/book") },
		func() (*http.Response, error) { return p.Do(change) },
		func() (*http.Response, error) {
			conn, answer, err := p.DialContext(t.Context(), strings.Replace(p.origin, "http", "ws", 1)+"/ws/terminal", http.Header{"Origin": {p.origin}})
			if err == nil {
				t.Cleanup(func() { conn.Close() })
			}
			return answer, err
		},
	} {
		answer, err := ask()
		if answer == nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		status[i] = answer.StatusCode
	}
	return status
}

var allIn = [3]int{http.StatusOK, http.StatusOK, http.StatusSwitchingProtocols}

func TestThroughAForwardedPortAllWorks(t *testing.T) {
	r, _ := full(t)
	port := forward(t, r.address)
	for _, name := range []string{"localhost", "127.0.0.1"} {
		p := newPerson(t, "http://"+name+":"+port, "127.0.0.1:"+port, nil)
		answer, err := p.Get(p.origin + pathOf(t, r.url(site.Student)))
		if err != nil {
			t.Fatal(err)
		}
		page, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || string(page) != "<html>the page</html>" {
			t.Errorf("as %s its address shows %d %s, %v", name, answer.StatusCode, page, err)
		}
		if got := p.uses(t); got != allIn {
			t.Errorf("as %s: %v", name, got)
		}
	}
}

func TestOverTLSOnAnotherAddressThePasswordLetsInByTheAllowedNameOnly(t *testing.T) {
	cert, key, trusted := certificate(t) // of example.com
	listener, err := site.Listen("127.0.0.2:0", cert, key, password)
	if err != nil {
		t.Fatal(err)
	}
	r, _ := full(t)
	r.server.Password, r.server.AllowHosts = password, []string{"example.com"}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- r.server.Serve(ctx, listener) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	for name, in := range map[string]bool{"example.com": true, "evil.example": false, "www.example.com": false, "127.0.0.2": false} {
		p := newPerson(t, "https://"+name+":"+port, listener.Addr().String(), &tls.Config{RootCAs: trusted, ServerName: "example.com"})
		form, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.origin+"/signin", strings.NewReader(url.Values{"password": {password}}.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		form.Header = http.Header{"Origin": {p.origin}, "Content-Type": {"application/x-www-form-urlencoded"}}
		answer, err := p.Do(form)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		want := [3]int{http.StatusMisdirectedRequest, http.StatusMisdirectedRequest, http.StatusMisdirectedRequest}
		if in {
			want = allIn
		}
		if got := p.uses(t); got != want || (answer.StatusCode == http.StatusOK) != in {
			t.Errorf("as %s it answers %d, then %v", name, answer.StatusCode, got)
		}
	}
}
