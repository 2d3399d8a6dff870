package streams

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"

	"github.com/gorilla/websocket"
	"k8s.io/apimachinery/pkg/util/proxy"

	"kubelab/kube/api"
	"kubelab/kube/apiserver/answer"
)

// Dialer is how other servers are reached.
type Dialer struct {
	// TLS is how this server shows itself, and by which authority it knows others.
	TLS *tls.Config
	// Dial opens a connection. Nil: as usual.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Pass answers a request with what a target says. An error is returned only before the answer has begun.
func (d Dialer) Pass(w http.ResponseWriter, r *http.Request, to api.Target) error {
	r = withoutCredentials(r)
	trust := d.TLS.Clone()
	trust.ServerName = to.Name // whoever answers must be this one, wherever it is said to be
	t := &target{
		Target:    to,
		url:       &url.URL{Scheme: "https", Host: to.Address.String(), Path: to.Path, RawQuery: to.Query.Encode()},
		transport: &http.Transport{TLSClientConfig: trust, DisableKeepAlives: true, DialContext: d.Dial},
	}
	switch protocols := r.Header.Get("Sec-Websocket-Protocol"); {
	case !to.Session && websocket.IsWebSocketUpgrade(r):
		return t.sendLog(w, r)
	case !to.Session:
		t.copyAnswer(w, r)
		return nil
	case strings.Contains(protocols, protocolV5):
		return t.translate(w, r)
	case strings.Contains(protocols, tunnelProtocol):
		return t.tunnel(w, r)
	}
	upgrade := proxy.NewUpgradeAwareHandler(t.url, t.transport, false, true, t)
	upgrade.UseLocationHost = true
	upgrade.RejectForwardingRedirects = true
	upgrade.ServeHTTP(w, r)
	return nil
}

// withoutCredentials is a request without what proves who sends it. The target is not to learn that: it could be them then.
func withoutCredentials(r *http.Request) *http.Request {
	r = r.Clone(r.Context())
	for name := range r.Header {
		if slices.Contains([]string{"Authorization", "Proxy-Authorization", "Cookie"}, name) || strings.HasPrefix(name, "Impersonate-") {
			r.Header.Del(name)
		}
	}
	const protocols, token = "Sec-Websocket-Protocol", "base64url.bearer.authorization.k8s.io."
	if offered := r.Header.Values(protocols); len(offered) > 0 {
		all := strings.Split(strings.Join(offered, ","), ",")
		all = slices.DeleteFunc(all, func(one string) bool { return strings.HasPrefix(strings.TrimSpace(one), token) })
		r.Header.Set(protocols, strings.Join(all, ","))
	}
	return r
}

// target is the server that answers one request.
type target struct {
	api.Target
	url       *url.URL
	transport *http.Transport
}

// copyAnswer copies an answer as it comes, so that a log can be followed.
func (t *target) copyAnswer(w http.ResponseWriter, r *http.Request) {
	reverse := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.Out.URL, r.Out.Host = t.url, t.url.Host },
		Transport: t.transport,
		ModifyResponse: func(answer *http.Response) error {
			if answer.StatusCode/100 == 3 { // a client would follow with all its credentials, to wherever the target likes
				return fmt.Errorf("it answers %s", answer.Status)
			}
			return nil
		},
		FlushInterval: -1,
		ErrorHandler:  t.Error,
	}
	reverse.ServeHTTP(w, r)
}

// Error tells a client that the target could not be asked.
func (t *target) Error(w http.ResponseWriter, r *http.Request, err error) {
	answer.Error(w, r, t.Unreachable(err))
}
