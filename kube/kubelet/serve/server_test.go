//go:build linux

package serve

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"kubelab/kube/access"
	"kubelab/kube/deadlines"
)

func TestWhatTheAPIServerIsSentOutlivesTheTermsOfTheConnection(t *testing.T) {
	const soon = 200 * time.Millisecond
	late := onlyAPIServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(3 * soon)
		fmt.Fprint(w, "late")
	}))
	as := func(user string) string {
		server := httptest.NewUnstartedServer(nil)
		server.Config = deadlines.Terms{Head: soon, Request: soon, Idle: soon}.Server(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{{Subject: pkix.Name{CommonName: user}}}}
			late.ServeHTTP(w, r)
		}))
		server.Start()
		defer server.Close()
		answer, err := http.Get(server.URL)
		if err != nil {
			return err.Error()
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			return err.Error()
		}
		return string(body)
	}
	if got := as(access.APIServerUser); got != "late" {
		t.Errorf("the API server is answered %q", got)
	}
	if got := as(access.NodePrefix + "node-2"); !strings.Contains(got, "may not ask a kubelet") {
		t.Errorf("another kubelet is answered %q", got)
	}
}
