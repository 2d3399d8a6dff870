package site_test

import (
	"net/http"
	"strings"
	"testing"

	"kubelab/site"
)

// What is of worth to an attacker, and how it is reached.
var (
	reads   = []string{"/api/book", "/api/chapters/03-pods", "/api/why?ref=pods/default/web", "/api/source?file=kube/scheduler/plan.go", "/api/faults", "/api/gates"}
	sockets = []string{"/ws/stream", "/ws/terminal", "/ws/lab?lab=03-pods&step=one"}
	changes = map[string]string{"/api/fault": `{"kind":"kill-node","target":"node-1"}`, "/api/gates": `{"loop":"scheduler","action":"hold"}`, "/api/request": `{"from":{"namespace":"default","pod":"client"},"service":{"namespace":"default","name":"web","port":80}}`, "/api/labs/03-pods/reset": "", "/api/labs/03-pods/tidy": "", "/api/labs/03-pods/predict": `{"step":"one","answers":["1"]}`, "/api/labs/03-pods/hint": `{"step":"one"}`, "/api/labs/03-pods/begin": `{"step":"mend"}`}
)

// full is a site with all its parts.
func full(t *testing.T) (*run, *parts) {
	t.Helper()
	p := &parts{}
	return serve(t, func(c *site.Config) { c.Terminal, c.Faults, c.Gates, c.Requests, c.Labs = p, faulty{p}, gated{p}, p, p }), p
}

func TestANameThatIsNotOursLeadsNowhere(t *testing.T) {
	r, p := full(t)
	b := r.in(site.Student)
	for _, name := range []string{"evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example", "evil-localhost", "localhost.", "0.0.0.0:8080", "192.0.2.7", "LOCALHOST", "[::2]:80", "[localhost]", "::1", "::1:80", "localhost:evil.example", "localhost:", "localhost:80:80", "[::1"} {
		for _, path := range append([]string{"/", "/assets/app-1a2b.js"}, reads...) {
			if got := b.get(path, header("Host", name)); got.status != http.StatusMisdirectedRequest || strings.Contains(got.body, "page</html>") {
				t.Errorf("GET %s as %s: %d", path, name, got.status)
			}
		}
		// The attacker's page has that name, so its origin fits.
		for path, body := range changes {
			if got := b.post(path, body, header("Host", name), header("Origin", "http://"+name)); got.status != http.StatusMisdirectedRequest {
				t.Errorf("POST %s as %s: %d", path, name, got.status)
			}
		}
		for _, path := range sockets {
			if conn, status := b.dial(path, header("Host", name), header("Origin", "http://"+name)); conn != nil || status != http.StatusMisdirectedRequest {
				t.Errorf("%s as %s: %d", path, name, status)
			}
		}
	}
	p.untouched(t)
}

func TestTheLoopbackHasItsNamesOnAnyPort(t *testing.T) {
	r, _ := full(t)
	b := r.in(site.Student)
	for _, name := range []string{"localhost:9000", "127.0.0.1:9000", "[::1]:9000", "localhost", "[::1]"} { // ssh -L 9000:127.0.0.1:8080
		if got := b.get("/api/book", header("Host", name)); got.status != http.StatusOK {
			t.Errorf("GET as %s: %d: %s", name, got.status, got.body)
		}
		if got := b.post("/api/gates", changes["/api/gates"], header("Host", name), header("Origin", "http://"+name)); got.status != http.StatusOK {
			t.Errorf("POST as %s: %d: %s", name, got.status, got.body)
		}
		if conn, status := b.dial("/ws/stream", header("Host", name), header("Origin", "http://"+name)); conn == nil {
			t.Errorf("websocket as %s: %d", name, status)
		}
	}
}

func TestANameThatAPersonAllowedIsOursAndNoOther(t *testing.T) {
	r := serve(t, func(c *site.Config) { c.AllowHosts = []string{"lab.example"} })
	b := r.in(site.Student)
	for name, want := range map[string]int{"lab.example": 200, "lab.example:8443": 200, "sub.lab.example": 421, "lab.example.evil": 421, "xlab.example": 421} {
		if got := b.get("/api/book", header("Host", name)); got.status != want {
			t.Errorf("%s: %d", name, got.status)
		}
	}
}

// strangers are origins of pages that are not ours, though one or the other looks like it.
func strangers(b *browser) []string {
	port := b.origin[strings.LastIndexByte(b.origin, ':'):]
	return []string{
		"http://evil.example", "null", "", "https" + strings.TrimPrefix(b.origin, "http"), "http://localhost" + port, "http://127.0.0.1",
		b.origin + ".evil.example", b.origin + "/", "http://127.0.0.1:1", strings.ToUpper(b.origin),
	}
}

func TestAPageOfAnotherSiteChangesNothing(t *testing.T) {
	r, p := full(t)
	b := r.in(site.Student)
	for path, body := range changes {
		for _, origin := range strangers(b) {
			if got := b.post(path, body, header("Origin", origin)); got.status != http.StatusForbidden {
				t.Errorf("POST %s from %q: %d", path, origin, got.status)
			}
		}
		if got := b.do(http.MethodPost, path, body); got.status != http.StatusForbidden {
			t.Errorf("POST %s from nowhere: %d", path, got.status)
		}
		if got := b.post(path, body, header("Origin", b.origin, "http://evil.example")); got.status != http.StatusForbidden {
			t.Errorf("POST %s from two origins: %d", path, got.status)
		}
	}
	p.untouched(t)
}

func TestAPageOfAnotherSiteOpensNoWebsocket(t *testing.T) {
	r, p := full(t)
	b := r.in(site.Student)
	for _, path := range sockets {
		for _, origin := range strangers(b) {
			if conn, status := b.dial(path, header("Origin", origin)); conn != nil || status != http.StatusForbidden {
				t.Errorf("%s from %q: %d", path, origin, status)
			}
		}
		if conn, status := b.dial(path, header("Origin")); conn != nil || status != http.StatusForbidden {
			t.Errorf("%s from nowhere: %d", path, status)
		}
	}
	p.untouched(t)
}

func TestAPageOfAnotherSiteReadsNothing(t *testing.T) {
	r, _ := full(t)
	b := r.in(site.Student)
	for _, path := range reads {
		if got := b.get(path, header("Origin", "http://evil.example")); got.status != http.StatusForbidden {
			t.Errorf("GET %s: %d", path, got.status)
		}
	}
	for _, request := range []answer{
		b.get("/api/book"), b.do(http.MethodOptions, "/api/fault", "", header("Origin", "http://evil.example"), header("Access-Control-Request-Method", "POST")),
	} {
		for name := range request.header {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("%s: %s lets other sites' pages read", name, request.header.Get(name))
			}
		}
	}
}

func TestWhoHasNoSessionGetsNothingOfTheCluster(t *testing.T) {
	r, p := full(t)
	b := r.stranger()
	for _, path := range append([]string{"/"}, reads...) {
		if got := b.get(path); got.status != http.StatusUnauthorized || strings.Contains(got.body, "the page") {
			t.Errorf("GET %s: %d: %s", path, got.status, got.body)
		}
	}
	for path, body := range changes {
		if got := b.post(path, body); got.status != http.StatusUnauthorized {
			t.Errorf("POST %s: %d", path, got.status)
		}
	}
	for _, path := range sockets {
		if conn, status := b.dial(path); conn != nil || status != http.StatusUnauthorized {
			t.Errorf("%s: %d", path, status)
		}
	}
	p.untouched(t)
}

func TestAViewerOnlyLooks(t *testing.T) {
	r, p := full(t)
	b := r.in(site.Viewer)
	for _, path := range reads {
		if got := b.get(path); got.status != http.StatusOK {
			t.Errorf("GET %s: %d: %s", path, got.status, got.body)
		}
	}
	for path, body := range changes {
		if got := b.post(path, body); got.status != http.StatusForbidden {
			t.Errorf("POST %s: %d", path, got.status)
		}
	}
	for _, path := range sockets[1:] {
		if conn, status := b.dial(path); conn != nil || status != http.StatusForbidden {
			t.Errorf("%s: %d", path, status)
		}
	}
	p.untouched(t)
	if got := string(b.open("/ws/stream").hear()["hello"]); !strings.Contains(got, `"role":"viewer","terminal":false`) {
		t.Errorf("its pages are told %s", got)
	}
}

// policy is the whole of it: each part keeps something out.
const policy = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; " +
	"object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

func TestEveryAnswerTellsTheBrowserToBeCareful(t *testing.T) {
	r, _ := full(t)
	b := r.in(site.Student)
	for _, got := range []answer{
		b.get("/"), b.get("/assets/app-1a2b.js"), b.get("/api/book"), b.get("/nothing"), b.get("/", header("Host", "evil.example")), r.stranger().get("/"),
	} {
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY",
			"Cross-Origin-Resource-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
		} {
			if have := got.header.Get(name); have != want {
				t.Errorf("%s: %q", name, have)
			}
		}
		if have := got.header.Get("Content-Security-Policy"); have != policy {
			t.Errorf("the policy is %q", have)
		}
	}
	for path, want := range map[string]string{"/": "no-cache", "/api/book": "no-store", "/assets/app-1a2b.js": "private, max-age=31536000, immutable"} {
		if got := b.get(path).header.Get("Cache-Control"); got != want {
			t.Errorf("%s may be kept: %q", path, got)
		}
	}
}
