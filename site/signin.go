package site

import (
	"html/template"
	"log/slog"
	"net/http"
)

// howToGetIn is what to do for who is not in.
func (s *Server) howToGetIn() string {
	if s.NewAddress == "" {
		return "kube replay has printed an address for one more browser where it was started; open that."
	}
	return "say \"" + s.NewAddress + "\" on the machine of the cluster, and open the address that it prints. Each lets one browser in."
}

// front is the first page. With a token it becomes the exchange of that for a cookie.
func (s *Server) front(w http.ResponseWriter, r *http.Request) {
	known := s.sessions.find(r) != nil
	token := r.URL.Query().Get("token")
	switch {
	case token == "" && known:
		s.pages.index(w, r)
	case token == "" && fromAnotherSite(r):
		s.goOn(w, r)
	case token == "":
		s.door(w, http.StatusUnauthorized, "")
	case r.Method != http.MethodGet: // whoever only looks at the address spends no token
		s.door(w, http.StatusMethodNotAllowed, "")
	default:
		cookie, err := s.sessions.exchange(token)
		switch {
		case err != nil:
			slog.Error("cannot exchange a token", "error", err)
			s.door(w, http.StatusInternalServerError, err.Error())
		case cookie != "":
			s.letIn(w, r, cookie)
		case known: // the same address again
			s.goOn(w, r)
		default:
			s.door(w, http.StatusUnauthorized, "This address was used already.")
		}
	}
}

// signIn takes the password.
func (s *Server) signIn(w http.ResponseWriter, r *http.Request) {
	switch {
	case s.Password == "":
		s.door(w, http.StatusForbidden, "This site has no password.")
	case !s.sessions.guesses.mayGuess(r):
		s.door(w, http.StatusTooManyRequests, "Too many tries: wait a minute.")
	case !digestOf(s.Password).is(digestOf(r.PostFormValue("password"))):
		s.door(w, http.StatusUnauthorized, "This is not the password.")
	default:
		s.letIn(w, r, s.sessions.admit(Student))
	}
}

// admit lets a browser in that needed no token.
func (s *sessions) admit(role Role) (cookie string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.begin(role)
}

// letIn gives the cookie and goes on to the pages.
func (s *Server) letIn(w http.ResponseWriter, r *http.Request, cookie string) {
	s.sessions.setCookie(w, r, cookie)
	s.goOn(w, r)
}

// goOn leads to the pages. Who followed a link on another site must not be redirected: the browser would count the next request as
// that site's, too, and leave the cookie out. A page of ours that goes on by itself ends that.
func (s *Server) goOn(w http.ResponseWriter, r *http.Request) {
	if !fromAnotherSite(r) {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	w.Header().Set("Refresh", "0; url=/")
	s.door(w, http.StatusOK, "One moment …")
}

func fromAnotherSite(r *http.Request) bool { return r.Header.Get("Sec-Fetch-Site") == "cross-site" }

// door is the page for who is not in.
func (s *Server) door(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_ = doorPage.Execute(w, map[string]any{"Message": message, "Password": s.Password != "", "Command": s.NewAddress}) // who has gone needs no page
}

var doorPage = template.Must(template.New("").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<title>kubelab</title><link rel="icon" href="data:,">
<body style="font: 1rem/1.5 system-ui, sans-serif; max-width: 36rem; margin: 15vh auto; padding: 0 1rem">
<h1>kubelab</h1>
{{with .Message}}<p role="status">{{.}}</p>{{end}}
{{if .Command}}<p>On the machine of the cluster, <code>{{.Command}}</code> prints an address that lets one browser in. Each works once; the next time it prints another one.</p>
{{else}}<p><code>kube replay</code> prints an address for each browser, where it was started.</p>
{{end}}{{if .Password}}<form method="post" action="/signin"><label>Or the password: <input type="password" name="password" autocomplete="current-password" required></label> <button>Enter</button></form>{{end}}
</body></html>
`))
