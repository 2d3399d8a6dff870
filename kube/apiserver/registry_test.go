package apiserver

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"kubelab/kube/access"
	"kubelab/kube/api"
	"kubelab/kube/garbage"
	"kubelab/kube/store"
)

// job is a kind that comes and goes.
var job = api.Type[*batchv1.Job]{Names: api.Names{Plural: "jobs", Namespaced: true, HasStatus: true}}.Kind()

// wire is a server over HTTP, at which every client is an administrator.
func wire(t *testing.T, s *Server) func(method, path, body string) (int, string) {
	t.Helper()
	admin := &x509.Certificate{Subject: pkix.Name{CommonName: access.AdminUser, Organization: []string{access.MastersGroup}}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{admin}}
		s.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return func(method, path, body string) (int, string) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, string(text)
	}
}

const (
	jobs    = "/apis/batch/v1/namespaces/default/jobs"
	oneJob  = `{"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"a"}}`
	openAPI = "/openapi/v3/apis/batch/v1"
)

func TestAKindComesAndGoesWhileTheServerServes(t *testing.T) {
	s := serverWithoutWire(t)
	ask := wire(t, s)
	without := slices.Concat(garbage.Kinds, api.Kinds)
	with := append(slices.Clone(without), job)
	serve := func(kinds []api.Kind) {
		t.Helper()
		if err := s.Serve(kinds); err != nil {
			t.Fatal(err)
		}
	}
	look := func(when string, want int) {
		t.Helper()
		for _, path := range []string{jobs, "/apis/batch/v1", openAPI} {
			if code, said := ask("GET", path, ""); code != want {
				t.Errorf("%s: GET %s: %d, want %d: %s", when, path, code, want, said)
			}
		}
		if _, groups := ask("GET", "/apis", ""); strings.Contains(groups, `"batch"`) != (want == 200) {
			t.Errorf("%s: the groups are %s", when, groups)
		}
	}
	look("before it came", 404)
	serve(with)
	look("when it has come", 200)
	if code, said := ask("POST", jobs, oneJob); code != 201 {
		t.Fatalf("create: %d %s", code, said)
	}

	watch, cancel := context.WithCancel(t.Context())
	defer cancel()
	lines := watching(watch, t, s)
	if line := <-lines; !strings.Contains(line, `"ADDED"`) {
		t.Errorf("the watch says %q, want that the job is there", line)
	}
	serve(without)
	for line := range lines { // ends, or the test does not
		t.Errorf("the watch of a kind that went says %s", line)
	}
	look("when it has gone", 404)

	serve(with)
	look("when it has come back", 200)
	if _, list := ask("GET", jobs, ""); !strings.Contains(list, `"name":"a"`) {
		t.Errorf("the objects of a kind that came back are %s", list)
	}
}

// watching are the lines of a watch of all jobs, which begins with those that there are.
func watching(ctx context.Context, t *testing.T, s *Server) <-chan string {
	t.Helper()
	admin := &x509.Certificate{Subject: pkix.Name{CommonName: access.AdminUser, Organization: []string{access.MastersGroup}}}
	out, in := io.Pipe()
	r := httptest.NewRequestWithContext(ctx, "GET", jobs+"?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan", nil)
	r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{admin}}
	go func() {
		s.ServeHTTP(&piped{in, http.Header{}}, r)
		in.Close()
	}()
	lines := make(chan string)
	go func() {
		defer close(lines)
		for scanner := bufio.NewScanner(out); scanner.Scan(); {
			lines <- scanner.Text()
		}
	}()
	return lines
}

// piped is an answer that is read while it is written.
type piped struct {
	io.Writer
	header http.Header
}

func (p *piped) Header() http.Header { return p.header }
func (p *piped) WriteHeader(int)     {}
func (p *piped) Flush()              {}

func TestAnObjectThatCameBeforeItsKindIsThereWhenThatComes(t *testing.T) {
	s := serverWithoutWire(t)
	with := append(slices.Concat(garbage.Kinds, api.Kinds), job)
	if err := s.Serve(with); err != nil {
		t.Fatal(err)
	}
	ask := wire(t, s)
	if code, said := ask("POST", jobs, oneJob); code != 201 {
		t.Fatalf("create: %d %s", code, said)
	}
	late, err := New(Config{Kinds: slices.Concat(garbage.Kinds, api.Kinds), Store: s.Store, Policy: s.Policy})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); late.cache.Run(t.Context()) }()
	t.Cleanup(func() { <-done })
	if err := late.cache.Fresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := late.Serve(with); err != nil {
		t.Fatal(err)
	}
	if code, list := wire(t, late)("GET", jobs, ""); code != 200 || !strings.Contains(list, `"name":"a"`) {
		t.Errorf("got %d %s, want the job", code, list)
	}
}

func TestAKindThatCannotBeServedIsToldAndChangesNothing(t *testing.T) {
	stranger := api.Kind{GroupVersionKind: schema.GroupVersionKind{Group: "shop", Version: "v1", Kind: "Apple"}, Names: api.Names{Plural: "apples"}}
	another := api.Type[*corev1.Secret]{Names: api.Names{Plural: "configmaps", Namespaced: true}}.Kind()
	for says, kinds := range map[string][]api.Kind{
		"kind Job: batch/v1/jobs is served already, as Job":          {job, job},
		"kind Secret: v1/configmaps is served already, as ConfigMap": append(slices.Clone(api.Kinds), another),
		"kind shop/v1, Kind=Apple: api.Scheme has no Go type for it": {stranger},
	} {
		if _, err := newRegistry(kinds, "v1.37.2"); err == nil || err.Error() != says {
			t.Errorf("got %v, want %q", err, says)
		}
	}
}

func TestAnObjectIsOfTheVersionThatIsServed(t *testing.T) {
	kept := &unserved{record: store.Record{Value: []byte(`{"apiVersion":"autoscaling/v0","kind":"HorizontalPodAutoscaler","metadata":{"name":"a"}}`), Revision: 7}}
	for _, version := range []string{"v1", "v2", "v1"} {
		kind := api.Kind{GroupVersionKind: schema.GroupVersionKind{Group: "autoscaling", Version: version, Kind: "HorizontalPodAutoscaler"}}
		found, ok := objectOf(&store.Item{Record: kept.record, Object: kept}, &kind)
		if !ok || found.Kind.GroupVersionKind != kind.GroupVersionKind || found.Is.GetObjectKind().GroupVersionKind() != kind.GroupVersionKind {
			t.Errorf("served in %s it is %+v", version, found)
		}
	}
}
