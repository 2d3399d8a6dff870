package site_test

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kubelab/site"
)

// keeping is a site that keeps its sessions in a file.
func keeping(t *testing.T, file string) *run {
	t.Helper()
	return serve(t, func(c *site.Config) { c.Sessions, c.NewAddress = file, "sudo kube site url --name lab" })
}

func TestWhoWasInStaysInWhenTheSiteStartsAnew(t *testing.T) {
	file := filepath.Join(t.TempDir(), "site", "sessions")
	first := keeping(t, file)
	student, viewer := first.in(site.Student), first.in(site.Viewer)
	first.end()
	content, err := os.ReadFile(file)
	if err != nil || strings.Contains(string(content), student.cookie.Value) {
		t.Errorf("the file lets in whoever reads it: %v: %s", err, content)
	}
	if info, err := os.Stat(file); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	second := keeping(t, file)
	for _, b := range []*browser{student, viewer} {
		b.origin = "http://" + second.address
	}
	if got := student.get("/api/book"); got.status != http.StatusOK {
		t.Errorf("the student gets %d: %s", got.status, got.body)
	}
	if got := viewer.post("/api/gates", `{}`); got.status != http.StatusForbidden {
		t.Errorf("the viewer, who changes something, gets %d: %s", got.status, got.body)
	}
	if got := second.stranger().get("/api/book"); got.status != http.StatusUnauthorized || !strings.Contains(got.body, "sudo kube site url --name lab") {
		t.Errorf("who has no session is not told how to get in: %d: %s", got.status, got.body)
	}
}

// someSession is a session of a file: its cookie and its line.
func someSession(role string, until time.Time) (cookie, line string) {
	cookie = rand.Text()
	key := sha256.Sum256([]byte(cookie))
	text, _ := json.Marshal(map[string]any{"key": key[:], "role": role, "until": until}) // there is nothing in it that cannot be said in JSON
	return cookie, string(text)
}

func TestOnlyWhatMakesSenseIsTakenOverFromTheFile(t *testing.T) {
	hour := time.Now().Add(time.Hour)
	sessions := func(lines ...string) string {
		return `{"cookie":"kubelab-1","sessions":[` + strings.Join(lines, ",") + `]}`
	}
	cookie, good := someSession("student", hour)
	over, past := someSession("student", time.Now().Add(-time.Second))
	long, endless := someSession("student", hour.AddDate(1, 0, 0))
	_, other := someSession("viewer", hour)
	root, stranger := someSession("root", hour)
	for _, c := range []struct {
		name, content, cookie string
		want                  int
	}{
		{"whole", sessions(good), cookie, 200},
		{"of a session that is over", sessions(past), over, 401},
		{"of one that is good for a year", sessions(endless), long, 401},
		{"of a role that there is not", sessions(stranger), root, 401},
		{"of one too many", sessions(good, strings.Repeat(other+",", 199)+other), cookie, 401},
		{"of so many", sessions(good, strings.Repeat(other+",", 198)+other), cookie, 200},
		{"damaged", sessions(good)[:100], cookie, 401},
		{"empty", "", cookie, 401},
	} {
		file := filepath.Join(t.TempDir(), "sessions")
		if err := os.WriteFile(file, []byte(c.content), 0o600); err != nil {
			t.Fatal(err)
		}
		b := keeping(t, file).stranger()
		b.cookie = &http.Cookie{Name: "kubelab-1", Value: c.cookie}
		if got := b.get("/api/book"); got.status != c.want {
			t.Errorf("a file %s: %d", c.name, got.status)
		}
	}
}

func TestASessionHasAnEndAndWithItItsWebsocketsEnd(t *testing.T) {
	cookie, line := someSession("student", time.Now().Add(500*time.Millisecond))
	file := filepath.Join(t.TempDir(), "sessions")
	if err := os.WriteFile(file, []byte(fmt.Sprintf(`{"cookie":"kubelab-1","sessions":[%s]}`, line)), 0o600); err != nil {
		t.Fatal(err)
	}
	b := keeping(t, file).stranger()
	b.cookie = &http.Cookie{Name: "kubelab-1", Value: cookie}
	if got := b.open("/ws/stream").closed(); got.Text != "this session has ended" {
		t.Errorf("hung up on with %v", got)
	}
	if got := b.get("/api/book"); got.status != http.StatusUnauthorized {
		t.Errorf("then it gets %d", got.status)
	}
}

func TestOfSoManyBrowsersTheOneThatCameFirstIsOut(t *testing.T) {
	r := serve(t, nil)
	first, second := r.in(site.Student), r.in(site.Student)
	stream := first.open("/ws/stream")
	for range 199 {
		r.in(site.Viewer)
	}
	if got := stream.closed(); got.Text != "this session has ended" {
		t.Errorf("hung up on with %v", got)
	}
	if a, b := first.get("/api/book"), second.get("/api/book"); a.status != http.StatusUnauthorized || b.status != http.StatusOK {
		t.Errorf("of 201 browsers the first gets %d, the second %d", a.status, b.status)
	}
}
