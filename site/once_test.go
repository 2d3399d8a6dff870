package site_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"kubelab/site"
)

const hintPath = "/api/labs/03-pods/hint"

func keyed(key string) func(*http.Request) { return header("Idempotency-Key", key) }

func TestAChangeThatIsSentTwiceIsDoneOnce(t *testing.T) {
	r, p := full(t)
	b, other := r.in(site.Student), r.in(site.Student)
	step := func(b *browser, path, body string, change ...func(*http.Request)) answer {
		t.Helper()
		got := b.post(path, body, change...)
		if got.status != http.StatusOK {
			t.Fatalf("%d: %s", got.status, got.body)
		}
		return got
	}
	body := changes[hintPath]
	first, second := step(b, hintPath, body, keyed("a")), step(b, hintPath, body, keyed("a"))
	if n := len(p.all()); n != 1 || second.body != first.body || second.header.Get("Content-Type") != first.header.Get("Content-Type") {
		t.Errorf("done %d times; %+v, and then %+v", n, first, second)
	}
	step(b, hintPath, body, keyed("b"))
	step(b, hintPath, strings.Replace(body, "one", "two", 1), keyed("a"))
	step(other, hintPath, body, keyed("a"))
	step(b, hintPath, body)
	step(b, hintPath, body)
	if n := len(p.all()); n != 6 {
		t.Errorf("another key, another body, another browser, and twice no key are %d changes more", n-1)
	}
}

func TestAChangeOutlivesTheConnectionThatItCameBy(t *testing.T) {
	begun, goOn := make(chan struct{}), make(chan struct{})
	r, p := full(t)
	p.begin = func(ctx context.Context) {
		close(begun)
		select {
		case <-goOn:
		case <-ctx.Done():
		}
	}
	b := r.in(site.Student)
	const path = "/api/labs/03-pods/begin"
	ctx, drop := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, b.origin+path, strings.NewReader(changes[path]))
	if err != nil {
		t.Fatal(err)
	}
	request.AddCookie(b.cookie)
	header("Origin", b.origin)(request)
	keyed("a")(request)
	dropped := make(chan error)
	go func() {
		_, err := b.client.Do(request)
		dropped <- err
	}()
	<-begun
	drop()
	if err := <-dropped; err == nil {
		t.Error("the connection is not dropped")
	}
	again := make(chan answer)
	go func() { again <- b.post(path, changes[path], keyed("a")) }()
	close(goOn)
	if got := <-again; got.status != http.StatusOK || len(p.all()) != 1 {
		t.Errorf("%d: %s; done: %q", got.status, got.body, p.all())
	}
}

func TestAChangeThatIsUnderWayIsNotForgottenAndOnlySoManyAre(t *testing.T) {
	begun, goOn := make(chan struct{}), make(chan struct{})
	r, p := full(t)
	p.begin = func(ctx context.Context) {
		begun <- struct{}{}
		select {
		case <-goOn:
		case <-ctx.Done():
		}
	}
	const path, most, ofOne = "/api/labs/03-pods/begin", 16, 4
	statuses := make(chan int)
	begin := func(b *browser, key int) { statuses <- b.post(path, changes[path], keyed(strconv.Itoa(key))).status }
	var browsers []*browser
	for range most / ofOne {
		b := r.in(site.Student)
		for i := range ofOne {
			go begin(b, i)
			<-begun
		}
		if got := b.post(path, changes[path], keyed("one too many")); got.status != http.StatusTooManyRequests {
			t.Errorf("one too many of a browser has %d: %s", got.status, got.body)
		}
		if len(browsers) == 0 {
			for range 10 {
				another := r.in(site.Student) // one browser may not ask so often
				for i := range 10 {           // what is done at once
					if got := another.post(hintPath, changes[hintPath], keyed("quick-"+strconv.Itoa(i))); got.status != http.StatusOK {
						t.Fatalf("%d: %s", got.status, got.body)
					}
				}
			}
		}
		browsers = append(browsers, b)
	}
	if got := r.in(site.Student).post(path, changes[path], keyed("one too many")); got.status != http.StatusTooManyRequests {
		t.Errorf("one too many of all has %d: %s", got.status, got.body)
	}
	for _, b := range browsers { // as pages whose connections were dropped
		for i := range ofOne {
			go begin(b, i)
		}
	}
	close(goOn)
	for range 2 * most {
		select {
		case got := <-statuses:
			if got != http.StatusOK {
				t.Errorf("one that was under way has %d", got)
			}
		case <-begun:
			t.Fatal("one that was under way is done a second time")
		}
	}
	if n := len(p.all()); n != most+100 {
		t.Errorf("done were %d", n)
	}
}

func TestAChangeEndsWithTheSite(t *testing.T) {
	begun := make(chan struct{})
	r, p := full(t)
	p.begin = func(ctx context.Context) {
		close(begun)
		<-ctx.Done()
	}
	b := r.in(site.Student)
	const path = "/api/labs/03-pods/begin"
	status := make(chan int)
	go func() { status <- b.post(path, changes[path], keyed("a")).status }()
	<-begun
	go r.end() // it waits for the change
	if got := <-status; got != http.StatusServiceUnavailable && got != http.StatusBadGateway {
		t.Errorf("the page hears %d", got)
	}
}

func TestAChangeMayTakeLongerThanOtherRequests(t *testing.T) {
	inBubble(t, func(dial func() net.Conn, cookie string) {
		const path = "/api/labs/03-pods/begin"
		conn := dial()
		defer conn.Close()
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\nIdempotency-Key: a\r\nContent-Length: %d\r\nCookie: %s\r\n\r\n%s", path, len(changes[path]), cookie, changes[path])
		got, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || got.StatusCode != http.StatusOK {
			t.Errorf("%v, %v", err, got)
		}
	})
}
