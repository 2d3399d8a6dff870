package site

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"sync"
	"time"
)

// keyHeader names what a page calls a change by, however often it sends it: the draft-ietf-httpapi-idempotency-key-header.
const keyHeader = "Idempotency-Key"

const (
	maxChanges  = 64 // done, whose answers are kept: a page that sends one again is answered, and the change is not done again
	maxUnderway = 16 // at once: each outlives the connection that it came by
	maxOfOne    = 4  // of them, of one session
)

// changeTerm is how long a change may take: to begin a challenge, pods have to come and go, on a slow machine, too.
const changeTerm = 5 * time.Minute

// changes are those that are being done or were done last.
//
// A browser drops every request that waits when a network card of its machine comes or goes, and a cluster on the same machine makes
// many. Whether a change arrived the page cannot know then: it sends it again, by the same key.
type changes struct {
	life context.Context // done when the server is
	work *sync.WaitGroup // which the server waits for

	mu    sync.Mutex
	known map[digest]*change
	order []digest // oldest first
}

// change is what one key stands for.
type change struct {
	of     digest        // whose it is: a session's
	done   chan struct{} // closed when the rest is there
	header http.Header
	status int
	body   bytes.Buffer
}

// once has a handler do a change that bears a key once, and whoever sends it again has the same answer. It does not end with the
// connection that it came by. A change without a key is done each time.
func (c *changes) once(do http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		key := r.Header.Get(keyHeader)
		if key == "" || r.Method != http.MethodPost {
			do(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			refuse(w, http.StatusBadRequest, "the request could not be read: "+err.Error())
			return
		}
		one, isNew := c.find(sessionOf(r).key, fingerprint(r, key, body))
		if one == nil {
			refuse(w, http.StatusTooManyRequests, "the lab site has enough to do: wait until something of it is done")
			return
		}
		if isNew {
			c.work.Go(func() { c.do(one, do, r, body) })
		}
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(changeTerm + answerTerm)) // other requests have to answer sooner
		select {
		case <-one.done:
			one.answer(w)
		case <-r.Context().Done(): // of a connection that is gone nobody hears this: they ask again
			refuse(w, http.StatusServiceUnavailable, "the lab site ends: kube up starts it")
		}
	}
}

// fingerprint tells apart all changes: a key belongs to a session, and to what is asked with it.
func fingerprint(r *http.Request, key string, body []byte) digest {
	all := sha256.New()
	of := sessionOf(r)
	for _, part := range [][]byte{of.key[:], []byte(key), []byte(r.URL.Path), body} {
		one := sha256.Sum256(part)
		all.Write(one[:])
	}
	return digest(all.Sum(nil))
}

// find is the change of a session with a fingerprint; nil if it is a new one and too many are under way. Of too many that are done the oldest is
// forgotten.
func (c *changes) find(session, print digest) (one *change, isNew bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if one, found := c.known[print]; found {
		return one, false
	}
	var done []digest
	underway, ofOne := 0, 0
	for _, print := range c.order {
		switch one := c.known[print]; {
		case one.isDone():
			done = append(done, print)
		case one.of == session:
			ofOne++
			fallthrough
		default:
			underway++
		}
	}
	if underway >= maxUnderway || ofOne >= maxOfOne {
		return nil, false
	}
	if len(done) >= maxChanges {
		delete(c.known, done[0])
		c.order = slices.DeleteFunc(c.order, func(print digest) bool { return print == done[0] })
	}
	one = &change{of: session, done: make(chan struct{}), header: http.Header{}}
	if c.known == nil {
		c.known = map[digest]*change{}
	}
	c.known[print] = one
	c.order = append(c.order, print)
	return one, true
}

// do does the change.
func (c *changes) do(one *change, do http.HandlerFunc, r *http.Request, body []byte) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), changeTerm)
	defer cancel()
	defer context.AfterFunc(c.life, cancel)()
	again := r.WithContext(ctx)
	again.Body = io.NopCloser(bytes.NewReader(body))
	defer close(one.done)
	defer func() { // as http.Server does for handlers that it calls
		if cause := recover(); cause != nil {
			slog.Error("a change failed", "path", r.URL.Path, "panic", cause, "stack", string(debug.Stack()))
			refuse(one, http.StatusInternalServerError, "the lab site made a mistake: its log tells more")
		}
	}()
	do(one, again)
}

func (c *change) isDone() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// Header is of the answer. A change is an [http.ResponseWriter] that keeps what is written.
func (c *change) Header() http.Header { return c.header }

// WriteHeader keeps the first status.
func (c *change) WriteHeader(status int) {
	if c.status == 0 {
		c.status = status
	}
}

func (c *change) Write(some []byte) (int, error) {
	c.WriteHeader(http.StatusOK)
	return c.body.Write(some)
}

// answer says to somebody what came of the change.
func (c *change) answer(w http.ResponseWriter) {
	for name, values := range c.header {
		w.Header()[name] = values
	}
	w.WriteHeader(c.status)
	_, _ = w.Write(c.body.Bytes()) // who has gone asks again
}
