package site

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Role is what a browser may do.
type Role string

// The roles. A viewer only looks: the projector's.
const (
	Student Role = "student"
	Viewer  Role = "viewer"
)

// session is a browser that has got in.
type session struct {
	key   digest
	role  Role
	until time.Time
	speed *rate.Limiter
	ctx   context.Context // done when the session is over
	end   context.CancelFunc
}

// errEnded says that a session is over.
var errEnded = errors.New("this session has ended")

func newSession(key digest, role Role, until time.Time) *session {
	s := &session{key: key, role: role, until: until, speed: rate.NewLimiter(requestsPerSecond, requestsAtOnce)}
	s.ctx, s.end = context.WithDeadline(context.Background(), until)
	return s
}

// digest is what is kept of a secret and compared: so how long a comparison takes says nothing about the secret.
type digest [sha256.Size]byte

func digestOf(secret string) digest { return sha256.Sum256([]byte(secret)) }

func (d digest) is(other digest) bool { return subtle.ConstantTimeCompare(d[:], other[:]) == 1 }

const (
	maxSessions = 200 // the oldest ends
	sessionTerm = 7 * 24 * time.Hour
	// A page that loads asks for some ten things; a person clicks a few times a second.
	requestsPerSecond = 20
	requestsAtOnce    = 100
)

// sessions are the browsers that got in, and the tokens for those that will.
type sessions struct {
	cookie  string // its name: browsers keep one jar for all ports of a host
	base    string // "http://127.0.0.1:8080"
	publish func(role Role, url string) error
	file    string // that keeps them over a restart; empty: none
	guesses guesses

	mu     sync.Mutex
	tokens map[Role]digest
	open   []*session // oldest first
}

func newSessions(publish func(Role, string) error, file string) *sessions {
	s := &sessions{cookie: "kubelab-" + secret()[:8], publish: publish, file: file, guesses: newGuesses(), tokens: map[Role]digest{}}
	s.load()
	return s
}

// announce makes the first tokens.
func (s *sessions) announce(base string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.base = base
	return errors.Join(s.renew(Viewer), s.renew(Student))
}

// exchange takes a token, which is then good for nobody any more, and gives a cookie for it. Empty: nobody knows the token.
func (s *sessions) exchange(token string) (cookie string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	given := digestOf(token)
	for role, wanted := range s.tokens {
		if wanted.is(given) {
			if err := s.renew(role); err != nil { // first: nobody can read a token that is spent
				return "", err
			}
			return s.begin(role), nil
		}
	}
	return "", nil
}

// renew makes a role's token and tells its owner. The caller holds mu.
func (s *sessions) renew(role Role) error {
	token := secret()
	if err := s.publish(role, s.base+"/?token="+token); err != nil {
		return err
	}
	s.tokens[role] = digestOf(token)
	return nil
}

// begin lets a browser in. The caller holds mu.
func (s *sessions) begin(role Role) (cookie string) {
	cookie = secret()
	s.open = append(s.open, newSession(digestOf(cookie), role, time.Now().Add(sessionTerm)))
	s.open = slices.DeleteFunc(s.open, func(session *session) bool { return session.ctx.Err() != nil })
	if len(s.open) > maxSessions {
		s.open[0].end()
		s.open = s.open[1:]
	}
	s.save()
	return cookie
}

// find is the session of a request; nil: none.
func (s *sessions) find(r *http.Request) *session {
	cookie, err := r.Cookie(s.cookie)
	if err != nil {
		return nil
	}
	given := digestOf(cookie.Value)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, session := range s.open {
		if session.key.is(given) && session.ctx.Err() == nil {
			return session
		}
	}
	return nil
}

// setCookie gives the cookie to the browser: no script reads it, and no other site's page sends it.
func (s *sessions) setCookie(w http.ResponseWriter, r *http.Request, value string) {
	http.SetCookie(w, &http.Cookie{Name: s.cookie, Value: value, Path: "/", HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteStrictMode})
}

type sessionKey struct{}

// withSession lets through who has a session, at a bearable speed.
func (s *Server) withSession(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		session := s.sessions.find(r)
		switch {
		case session == nil:
			refuse(w, http.StatusUnauthorized, "This browser's session has ended, or never began: "+s.howToGetIn())
		case !session.speed.Allow():
			w.Header().Set("Retry-After", "1")
			refuse(w, http.StatusTooManyRequests, "too many requests: wait a second")
		default:
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), sessionKey{}, session)))
		}
	})
}

// sessionOf is the session of a request that has passed withSession; of any other it panics.
func sessionOf(r *http.Request) *session {
	return r.Context().Value(sessionKey{}).(*session)
}

// onlyStudents keeps viewers from whatever changes something.
func onlyStudents(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if sessionOf(r).role != Student {
			refuse(w, http.StatusForbidden, "you are a viewer here, and may only look")
			return
		}
		next(w, r)
	}
}
