package streams

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"kubelab/kube/api"
)

// kubelet is one that answers as it likes. It returns the way to it.
func kubelet(t *testing.T, does http.HandlerFunc) (Dialer, api.Target) {
	t.Helper()
	server := httptest.NewTLSServer(does)
	t.Cleanup(server.Close)
	roots := server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	return Dialer{TLS: &tls.Config{RootCAs: roots}}, api.Target{
		Name: "example.com", Role: "the kubelet of node", Address: netip.MustParseAddrPort(server.Listener.Addr().String()), Path: "/containerLogs/shop/web-1/web",
	}
}

func TestAKubeletDoesNotLearnByWhatItsCallerProvesWhoTheyAre(t *testing.T) {
	secrets := http.Header{
		"Authorization": {"Bearer sesame"}, "Cookie": {"key=sesame"}, "Proxy-Authorization": {"Basic sesame"},
		"Impersonate-User": {"sesame"}, "Impersonate-Extra-Scope": {"sesame"},
		"Sec-Websocket-Protocol": {"v4.channel.k8s.io, base64url.bearer.authorization.k8s.io.sesame"},
	}
	for _, session := range []bool{false, true} {
		asked := make(chan http.Header, 1)
		dialer, target := kubelet(t, func(w http.ResponseWriter, r *http.Request) { asked <- r.Header.Clone() })
		target.Session = session
		request := httptest.NewRequest(http.MethodGet, "/log", nil)
		request.Header = secrets.Clone()
		request.Header.Set("Accept", "text/plain")
		if session {
			request.Header.Set("Connection", "Upgrade")
			request.Header.Set("Upgrade", "SPDY/3.1")
		}
		if err := dialer.Pass(httptest.NewRecorder(), request, target); err != nil {
			t.Error(err)
		}
		got := <-asked
		if got.Get("Accept") != "text/plain" || got.Get("Sec-Websocket-Protocol") != "v4.channel.k8s.io" {
			t.Errorf("session %v: the kubelet is asked with %v", session, got)
		}
		for name, values := range got {
			if strings.Contains(strings.Join(values, " "), "sesame") {
				t.Errorf("session %v: the kubelet learns %s: %q", session, name, values)
			}
		}
		if request.Header.Get("Authorization") == "" {
			t.Error("the request itself is another one now")
		}
	}
}

func TestAKubeletSendsNobodyElsewhere(t *testing.T) {
	for _, session := range []bool{false, true} {
		dialer, target := kubelet(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://192.0.2.1/steal", http.StatusTemporaryRedirect)
		})
		target.Session = session
		request := httptest.NewRequest(http.MethodGet, "/log", nil)
		if session {
			request.Header.Set("Connection", "Upgrade")
			request.Header.Set("Upgrade", "SPDY/3.1")
		}
		w := httptest.NewRecorder()
		if err := dialer.Pass(w, request, target); err != nil {
			t.Error(err)
		}
		if w.Code < 500 || w.Header().Get("Location") != "" {
			t.Errorf("session %v: the client is answered %d, %v", session, w.Code, w.Header())
		}
	}
}
