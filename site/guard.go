package site

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// policy says to the browser what our pages may do. Styles may be inline, because the terminal and the pictures set their own;
// scripts may not, so that a text that got into a page as HTML runs nothing.
const policy = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; " +
	"object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// loopbackNames are those that no name server can lead elsewhere. They are good on any port: `ssh -L 9000:127.0.0.1:8080` makes 9000
// of 8080.
var loopbackNames = []string{"localhost", "127.0.0.1", "::1"}

// guard is the door: nothing is answered that has not passed it.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", policy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("X-Frame-Options", "DENY")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		header.Set("Cache-Control", "no-store")
		if s.sessions.find(r) == nil {
			header.Set("Connection", "close") // who is not in keeps no place of those who are
		}
		switch {
		case !s.isOurName(r.Host):
			refuse(w, http.StatusMisdirectedRequest, "this site is not called "+r.Host+": open it as localhost, or allow the name with --allow-host")
		case !fromOurPage(r):
			refuse(w, http.StatusForbidden, "this request does not come from a page of this site")
		default:
			r.Body = http.MaxBytesReader(w, r.Body, maxBody)
			next.ServeHTTP(w, r)
		}
	})
}

// port is that of a name, where there is one.
var port = regexp.MustCompile(`:[0-9]{1,5}$`)

// isOurName says whether host, a name with or without a port, is one of ours: exactly, as browsers write it.
func (s *Server) isOurName(host string) bool {
	name := host
	if at := port.FindStringIndex(host); at != nil {
		name = host[:at[0]]
	}
	inner := strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
	if v6 := strings.Contains(inner, ":"); v6 && name == "["+inner+"]" {
		name = inner
	} else if v6 {
		return false
	}
	return slices.Contains(loopbackNames, name) || slices.Contains(s.AllowHosts, name)
}

// fromOurPage says whether a page of ours sent the request. Browsers name the page's origin with every request that changes
// something and with every websocket; other programs have to name it, too.
func fromOurPage(r *http.Request) bool {
	origins := r.Header.Values("Origin")
	if len(origins) == 0 {
		return (r.Method == http.MethodGet || r.Method == http.MethodHead) && r.Header.Get("Upgrade") == ""
	}
	scheme := "http://"
	if r.TLS != nil {
		scheme = "https://"
	}
	return len(origins) == 1 && origins[0] == scheme+r.Host
}

// refuse answers with an error and its remedy.
func refuse(w http.ResponseWriter, status int, reason string) {
	answer(w, status, map[string]string{"error": reason})
}

func answer(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		status, text = http.StatusInternalServerError, []byte(`{"error":"this cannot be said in JSON"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text) // who has gone needs no answer
}
