package site_test

import (
	"compress/gzip"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kubelab/kube/trace"
	"kubelab/site"
	"kubelab/site/record"
)

func TestTheBookListsItsChaptersAndWhichHaveALab(t *testing.T) {
	r, _ := full(t)
	book := into[struct {
		Parts []struct {
			Title    string
			Chapters []struct {
				Name, Title, View string
				Number            int
				Ready, Lab        bool
			}
		}
	}](t, []byte(r.in(site.Student).get("/api/book").body))
	pods := book.Parts[1].Chapters[2]
	if pods.Name != "03-pods" || pods.Number != 3 || !pods.Ready || !pods.Lab || pods.View != "pod" || book.Parts[1].Chapters[0].Lab {
		t.Errorf("got %+v", book.Parts[1])
	}
}

func TestAChapterComesWithItsLab(t *testing.T) {
	r, _ := full(t)
	b := r.in(site.Student)
	chapter := into[map[string]any](t, []byte(b.get("/api/chapters/03-pods").body))
	lab, _ := chapter["lab"].(map[string]any)
	if chapter["name"] != "03-pods" || !strings.Contains(chapter["html"].(string), "<h1") || lab["name"] != "03-pods" || chapter["previous"] == "" {
		t.Errorf("got %v", chapter)
	}
	for _, path := range []string{"/api/chapters/99-none", "/api/labs/99-none", "/api/none", "/ws/none", "/none"} {
		if got := b.get(path); got.status != http.StatusNotFound || !strings.Contains(got.body, `"error"`) {
			t.Errorf("%s: %d: %s", path, got.status, got.body)
		}
	}
}

func TestOnlyFilesOfTheHouseAreShown(t *testing.T) {
	b := serve(t, nil).in(site.Student)
	got := into[map[string]string](t, []byte(b.get("/api/source?file=kube/scheduler/plan.go").body))
	if got["file"] != "kube/scheduler/plan.go" || !strings.Contains(got["text"], "package scheduler") {
		t.Errorf("got %v", got)
	}
	for _, file := range []string{
		"kube/../go.mod", "kube/scheduler/../../../../etc/passwd", "/etc/passwd", "kube//etc/passwd", "etc/passwd", "scheduler/plan.go",
		"kube/scheduler", "kube/", "", "kube/./scheduler/plan.go", "kube/scheduler/plan.go\x00", `kube\scheduler\plan.go`, "kube/%2e%2e/go.mod",
	} {
		if got := b.get("/api/source?file=" + url.QueryEscape(file)); got.status != http.StatusNotFound {
			t.Errorf("%q: %d", file, got.status)
		}
	}
	for _, path := range []string{"/../go.mod", "/%2e%2e/go.mod", "/assets/..%2f..%2fgo.mod", "//etc/passwd", "/assets", "/assets/"} {
		if got := b.get(path); got.status == http.StatusOK {
			t.Errorf("%s: %s", path, got.body)
		}
	}
}

func TestWhyIsAnsweredForTheMomentThatIsShown(t *testing.T) {
	r := serve(t, nil)
	for i, verb := range []string{"create", "patch", "delete"} {
		step := trace.Step{Component: "kubectl", Verb: verb, Root: trace.Request, Object: trace.Ref{Resource: "pods", Namespace: "default", Name: "web"}}
		step.SetRevision(int64(i + 1))
		r.history.Append(record.Frame{Step: &step})
	}
	b := r.in(site.Student)
	for query, want := range map[string]int{"ref=pods/default/web": 3, "ref=pods/default/web&seq=2": 2, "ref=pods/default/db": 0, "ref=nodes/node-1": 0} {
		got := into[struct {
			Steps []trace.Step
			Left  int
		}](t, []byte(b.get("/api/why?"+query).body))
		if len(got.Steps) != want || got.Left != 0 {
			t.Errorf("%s: %+v", query, got)
		}
	}
	for _, query := range []string{"", "ref=web", "ref=a/b/c/d", "ref=pods/default/web&seq=x", "ref=pods/default/web&seq=-1", "ref=/x"} {
		if got := b.get("/api/why?" + query); got.status != http.StatusBadRequest {
			t.Errorf("%q: %d", query, got.status)
		}
	}
}

func TestAFaultSaysTheSameAsACommand(t *testing.T) {
	r, p := full(t)
	b := r.in(site.Student)
	if got := b.post("/api/fault", changes["/api/fault"]); got.status != http.StatusOK || got.body != `{"command":"kube node kill node-1"}` {
		t.Errorf("%d: %s", got.status, got.body)
	}
	if got := p.all(); len(got) != 1 || got[0] != "kill-node node-1" {
		t.Errorf("it did %q", got)
	}
	for body, want := range map[string]int{`{"kind":"earthquake"}`: 404, `{"kind":`: 400, `{"sort":"x"}`: 400, `{"kind":"kill-node","target":"node-1"}{}`: 400, `{"kind":"` + strings.Repeat("x", 70_000) + `"}`: 400} {
		if got := b.post("/api/fault", body); got.status != want || !strings.Contains(got.body, `"error"`) {
			t.Errorf("%.40s: %d: %.100s", body, got.status, got.body)
		}
	}
}

func TestAGateThatIsHeldIsShownAsHeld(t *testing.T) {
	r, p := full(t)
	got := r.in(site.Student).post("/api/gates", changes["/api/gates"])
	if got.body != `{"gates":[{"loop":"scheduler","held":true,"waiting":[]}]}` || p.all()[0] != "hold scheduler" {
		t.Errorf("%d: %s, %q", got.status, got.body, p.all())
	}
}

func TestARequestTellsWhoAnswered(t *testing.T) {
	r, p := full(t)
	b := r.in(site.Student)
	if got := b.post("/api/request", changes["/api/request"]); got.body != `{"command":"","output":"web-1","endpoint":"10.244.1.9:8080","milliseconds":4}` || p.all()[0] != "ask web:80" {
		t.Errorf("%d: %s, %q", got.status, got.body, p.all())
	}
	if got := b.post("/api/request", `{"from":{"pod":"nobody"}}`); got.status != http.StatusNotFound {
		t.Errorf("a pod that is not there: %d: %s", got.status, got.body)
	}
	bare := serve(t, nil).in(site.Student)
	if got := bare.post("/api/request", changes["/api/request"]); got.status != http.StatusNotFound || !strings.Contains(got.body, "a recording has none") {
		t.Errorf("in a recording: %d: %s", got.status, got.body)
	}
}

func TestALabIsResetAndRoomIsMadeForIt(t *testing.T) {
	r, p := full(t)
	for i, want := range []string{"reset 03-pods", "tidy for 03-pods"} {
		what, _, _ := strings.Cut(want, " ")
		if got := r.in(site.Student).post("/api/labs/03-pods/"+what, ""); got.status != http.StatusOK || p.all()[i] != want {
			t.Errorf("%d: %s, %q", got.status, got.body, p.all())
		}
	}
}

func TestAStudentPredictsOpensHintsAndBeginsChallengesOfALab(t *testing.T) {
	r, p := full(t)
	b := r.in(site.Student)
	for i, want := range []string{`predict 03-pods one ["1"]`, "hint 03-pods one", "begin 03-pods mend"} {
		what, _, _ := strings.Cut(want, " ")
		path := "/api/labs/03-pods/" + what
		if got := b.post(path, changes[path]); got.status != http.StatusOK || len(p.all()) != i+1 || p.all()[i] != want || !strings.Contains(got.body, "03-pods") {
			t.Errorf("%d: %s, %q", got.status, got.body, p.all())
		}
	}
	for body, status := range map[string]int{`{"step":"one","answers":[]}`: http.StatusBadRequest, `{"step":1}`: http.StatusBadRequest, `{"stop":"one"}`: http.StatusBadRequest} {
		if got := b.post("/api/labs/03-pods/predict", body); got.status != status {
			t.Errorf("%s: %d: %s", body, got.status, got.body)
		}
	}
	if got := b.post("/api/labs/04-none/hint", `{"step":"one"}`); got.status != http.StatusNotFound {
		t.Errorf("%d: %s", got.status, got.body)
	}
}

func TestPagesAreSentSmall(t *testing.T) {
	b := serve(t, nil).in(site.Student)
	got := b.get("/assets/app-1a2b.js", header("Accept-Encoding", "gzip"))
	zipped, err := gzip.NewReader(strings.NewReader(got.body))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(zipped)
	if err != nil || len(plain) != 11*500 || len(got.body) > 200 || got.header.Get("Content-Type") != "text/javascript; charset=utf-8" {
		t.Errorf("%d bytes make %d, %v, %v", len(got.body), len(plain), err, got.header)
	}
	if got := b.get("/assets/app-1a2b.js", header("Accept-Encoding", "identity")); len(got.body) != 11*500 || got.header.Get("Content-Encoding") != "" {
		t.Errorf("who cannot unzip gets %d bytes", len(got.body))
	}
	if got := b.get("/assets/app-1a2b.js", header("If-None-Match", got.header.Get("ETag"))); got.status != http.StatusNotModified {
		t.Errorf("who has it already gets %d", got.status)
	}
}

func TestPagesThatAreNotBuiltSayWhatBuildsThem(t *testing.T) {
	r := serve(t, func(c *site.Config) { c.Pages = nil })
	if got := r.in(site.Student).get("/"); got.status != http.StatusServiceUnavailable || !strings.Contains(got.body, "scripts/build") {
		t.Errorf("%d: %s", got.status, got.body)
	}
}

// certificate makes files of a certificate for example.com and 127.0.0.1.
func certificate(t *testing.T) (cert, key string, trusted *x509.CertPool) {
	t.Helper()
	lent := httptest.NewUnstartedServer(nil)
	lent.StartTLS()
	defer lent.Close()
	pair := lent.TLS.Certificates[0]
	private, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert"), filepath.Join(dir, "key")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: pair.Certificate[0]}, key: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	trusted = x509.NewCertPool()
	trusted.AddCert(lent.Certificate())
	return cert, key, trusted
}

func TestOverTLSByAnAllowedNameWithThePasswordAllWorks(t *testing.T) {
	cert, key, trusted := certificate(t)
	r := serveOn(t, cert, key, func(c *site.Config) {
		c.AllowHosts, c.Password, c.Terminal = []string{"example.com"}, password, &parts{}
	})
	if got := r.url(site.Student); !strings.HasPrefix(got, "https://127.0.0.1:") {
		t.Errorf("the address is %s", got)
	}
	b := r.stranger()
	b.client.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted, ServerName: "example.com"}}
	b.origin = "https://" + r.address
	asExample := []func(*http.Request){header("Host", "example.com:8443"), header("Origin", "https://example.com:8443")}
	form := append(asExample, header("Content-Type", "application/x-www-form-urlencoded"))
	got := b.do(http.MethodPost, "/signin", url.Values{"password": {password}}.Encode(), form...)
	if got.status != http.StatusSeeOther || !b.cookie.Secure || !b.cookie.HttpOnly {
		t.Fatalf("%d: %s, %v", got.status, got.body, b.cookie)
	}
	if got := b.get("/api/book", asExample[0]); got.status != http.StatusOK {
		t.Errorf("then: %d", got.status)
	}
	for version, served := range map[uint16]bool{tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		conn, err := tls.Dial("tcp", r.address, &tls.Config{RootCAs: trusted, ServerName: "example.com", MinVersion: version, MaxVersion: version})
		if (err == nil) != served {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
		if err == nil {
			conn.Close()
		}
	}
	if got := b.get("/api/book", asExample[0], header("Origin", "http://example.com:8443")); got.status != http.StatusForbidden {
		t.Errorf("from a page that came without TLS: %d", got.status)
	}
}

func TestBeyondTheLoopbackItTakesTLSAndAPassword(t *testing.T) {
	cert, key, _ := certificate(t)
	for _, address := range []string{"0.0.0.0:0", ":0", "[::]:0"} {
		for _, have := range [][3]string{{"", "", ""}, {cert, key, ""}, {"", "", password}} {
			if listener, err := site.Listen(address, have[0], have[1], have[2]); err == nil || !strings.Contains(err.Error(), "--password-file") {
				t.Errorf("%s with %q: %v, %v", address, have, listener, err)
			}
		}
		listener, err := site.Listen(address, cert, key, password)
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		listener.Close()
	}
	for _, address := range []string{"127.0.0.1:0", "localhost:0", "127.0.0.2:0"} {
		listener, err := site.Listen(address, "", "", "")
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		listener.Close()
	}
	if _, err := site.Listen("127.0.0.1:0", cert, "", ""); err == nil {
		t.Error("a certificate without its key is no mistake")
	}
}

func TestAPasswordThatOthersReadOrThatIsShortIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "password")
	for _, wrong := range []struct {
		content string
		mode    os.FileMode
	}{{password, 0o644}, {password, 0o640}, {"short\nand a second line", 0o600}, {"", 0o600}} {
		if err := os.WriteFile(path, []byte(wrong.content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, wrong.mode); err != nil {
			t.Fatal(err)
		}
		if _, err := site.ReadPassword(path); err == nil {
			t.Errorf("%q with mode %v is taken", wrong.content, wrong.mode)
		}
	}
	if err := os.WriteFile(path, []byte(password+"\r\nrest"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := site.ReadPassword(path); got != password || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := site.ReadPassword(""); got != "" || err != nil {
		t.Errorf("without a file: %q, %v", got, err)
	}
}
