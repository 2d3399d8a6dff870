package probes

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// asked is what comes of asking a probe at an address of this machine.
func asked(t *testing.T, address string, edit func(*corev1.Probe, int)) Outcome {
	t.Helper()
	host, text, err := net.SplitHostPort(strings.TrimPrefix(strings.TrimPrefix(address, "http://"), "https://"))
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	p := &corev1.Probe{TimeoutSeconds: 1, PeriodSeconds: 1, SuccessThreshold: 1, FailureThreshold: 1}
	edit(p, port)
	spec := &corev1.Container{Name: "web", Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: int32(port)}}}
	return (&Prober{}).ask(t.Context(), &probed{Target: Target{Spec: spec, Address: host}}, p)
}

func httpGet(path string, edit ...func(*corev1.HTTPGetAction)) func(*corev1.Probe, int) {
	return func(p *corev1.Probe, port int) {
		p.HTTPGet = &corev1.HTTPGetAction{Path: path, Port: intstr.FromInt(port), Scheme: corev1.URISchemeHTTP}
		for _, e := range edit {
			e(p.HTTPGet)
		}
	}
}

func TestAnAnswerWithoutEndToItsHeadersIsCutOff(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X", strings.Repeat("x", 2*maxHeaders))
	}))
	defer server.Close()
	if out := asked(t, server.URL, httpGet("/")); out.Verdict != Failure || !strings.Contains(out.Message, "server response headers exceeded") {
		t.Errorf("it is %+v", out)
	}
}

func TestAnAnswerFrom200To399IsASuccessWhateverItsLength(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/giant":
			for range 1000 {
				w.Write(bytes.Repeat([]byte("x"), 100_000))
			}
		case "/moved":
			http.Redirect(w, r, "/ok", http.StatusFound)
		case "/elsewhere":
			w.Header().Set("Location", "http://192.0.2.1:1/")
			w.WriteHeader(http.StatusMovedPermanently)
			fmt.Fprint(w, "gone")
		case "/circle":
			http.Redirect(w, r, "/circle", http.StatusFound)
		case "/query":
			fmt.Fprint(w, r.URL.RawQuery)
		case "/hang":
			<-r.Context().Done()
		case "/cut":
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
			}
			conn.Close()
		default:
			code, err := strconv.Atoi(r.URL.Path[1:])
			if err != nil {
				code = http.StatusOK
			}
			w.WriteHeader(code)
		}
	}))
	defer server.Close()
	for path, want := range map[string]Outcome{
		"/":          {Verdict: Success},
		"":           {Verdict: Success},
		"/204":       {Verdict: Success},
		"/399":       {Verdict: Success, Warning: true, Message: "Probe terminated redirects, Response body: "},
		"/400":       {Verdict: Failure, Message: "HTTP probe failed with statuscode: 400"},
		"/500":       {Verdict: Failure, Message: "HTTP probe failed with statuscode: 500"},
		"/moved":     {Verdict: Success},
		"/elsewhere": {Verdict: Success, Warning: true, Message: "Probe terminated redirects, Response body: gone"},
		"/circle":    {Verdict: Failure, Message: `Get "/circle": stopped after 10 redirects`},
		"/query?a=b": {Verdict: Success, Message: "a=b"},
		"/hang":      {Verdict: Failure, Message: fmt.Sprintf(`Get "%s/hang": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`, server.URL)},
		"/cut":       {Verdict: Failure, Message: fmt.Sprintf(`Get "%s/cut": EOF`, server.URL)},
		"/giant":     {Verdict: Success, Message: strings.Repeat("x", 10<<10)},
	} {
		if got := asked(t, server.URL, httpGet(path)); got != want {
			t.Errorf("%s: %.300v, want %.300v", path, got, want)
		}
	}
}

func TestARequestCarriesWhatTheProbeSaysAndWhoAsks(t *testing.T) {
	t.Parallel()
	var got *http.Request
	server := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r }))
	defer server.Close()
	out := asked(t, server.URL, httpGet("/ok", func(a *corev1.HTTPGetAction) {
		a.Scheme, a.Port = corev1.URISchemeHTTPS, intstr.FromString("http")
	}))
	if out.Verdict != Success || got.TLS == nil {
		t.Fatalf("of a server whose certificate nobody knows: %+v", out)
	}
	if got.UserAgent() != "kube-probe/1.37" || got.Header.Get("Accept") != "*/*" || got.Header.Get("Accept-Encoding") != "" {
		t.Errorf("headers: %v", got.Header)
	}
	asked(t, server.URL, httpGet("/ok", func(a *corev1.HTTPGetAction) {
		a.Scheme, a.Host = corev1.URISchemeHTTPS, "localhost"
		a.HTTPHeaders = []corev1.HTTPHeader{{Name: "Host", Value: "shop.example"}, {Name: "user-agent", Value: "me"}, {Name: "X-A", Value: "1"}, {Name: "X-A", Value: "2"}}
	}))
	if got.Host != "shop.example" || got.UserAgent() != "me" || len(got.Header["X-A"]) != 2 {
		t.Errorf("for %s with headers %v", got.Host, got.Header)
	}
}

func TestAPortThatNobodyListensToIsAFailureAndOneThatDoesNotExistCannotBeAsked(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	tcp := func(p *corev1.Probe, port int) { p.TCPSocket = &corev1.TCPSocketAction{Port: intstr.FromInt(port)} }
	if got := asked(t, address, tcp); got.Verdict != Success {
		t.Errorf("of one that listens: %+v", got)
	}
	listener.Close()
	refused := "dial tcp " + address + ": connect: connection refused"
	if got, want := asked(t, address, tcp), (Outcome{Verdict: Failure, Message: refused}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got, want := asked(t, address, httpGet("/")), (Outcome{Verdict: Failure, Message: fmt.Sprintf(`Get "http://%s/": %s`, address, refused)}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	for port, want := range map[intstr.IntOrString]string{
		intstr.FromString("smtp"): "port smtp not found", intstr.FromInt(70000): "invalid port number: 70000",
	} {
		got := asked(t, address, httpGet("/", func(a *corev1.HTTPGetAction) { a.Port = port }))
		if got != (Outcome{Message: want}) {
			t.Errorf("%v: %+v", port.String(), got)
		}
	}
}

func TestAGRPCServerIsAskedForItsHealth(t *testing.T) {
	t.Parallel()
	serve := func(register func(*grpc.Server)) string {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		server := grpc.NewServer()
		register(server)
		go server.Serve(listener)
		t.Cleanup(server.Stop)
		return listener.Addr().String()
	}
	is := health.NewServer()
	is.SetServingStatus("db", healthv1.HealthCheckResponse_NOT_SERVING)
	healthy := serve(func(s *grpc.Server) { healthv1.RegisterHealthServer(s, is) })
	hanging := serve(func(s *grpc.Server) { healthv1.RegisterHealthServer(s, hangs{}) })
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for _, test := range []struct {
		address, service, want string
	}{
		{healthy, "", ""},
		{healthy, "db", `service unhealthy (responded with "NOT_SERVING")`},
		{healthy, "cache", `error: health rpc probe failed: rpc error: code = NotFound desc = unknown service`},
		{serve(func(*grpc.Server) {}), "", "error: this server does not implement the grpc health protocol (grpc.health.v1.Health): unknown service grpc.health.v1.Health"},
		{hanging, "", "timeout: health rpc did not complete within 1s"},
		{silent.Addr().String(), "", fmt.Sprintf(`timeout: failed to connect service %q within 1s: context deadline exceeded`, silent.Addr())},
	} {
		got := asked(t, test.address, func(p *corev1.Probe, port int) {
			p.GRPC = &corev1.GRPCAction{Port: int32(port), Service: &test.service}
		})
		if want := (Outcome{Verdict: Failure, Message: test.want}); test.want != "" && got != want || test.want == "" && got.Verdict != Success {
			t.Errorf("%q: %+v, want %+v", test.service, got, want)
		}
	}
}

// hangs is a server that never answers.
type hangs struct {
	healthv1.UnimplementedHealthServer
}

func (hangs) Check(ctx context.Context, _ *healthv1.HealthCheckRequest) (*healthv1.HealthCheckResponse, error) {
	select {
	case <-ctx.Done():
	case <-time.After(time.Minute):
	}
	return nil, ctx.Err()
}
