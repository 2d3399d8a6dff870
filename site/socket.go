package site

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// How long a websocket may be silent, and how much it may say at once.
const (
	pingEvery   = 20 * time.Second
	silenceTerm = 3 * pingEvery
	writeTerm   = 15 * time.Second
	closeTerm   = time.Second
	maxMessage  = 64 << 10 // from a browser; ours to it may be as long as they need
)

// maxTalks is how many websockets of each kind there may be, of all browsers and of one: nobody takes the others' places.
var maxTalks = map[string]struct {
	what     string
	all, one int
}{"stream": {"pages", 64, 16}, "lab": {"labs", 16, 4}, "terminal": {"shells", 8, 4}}

// place is what is counted: a kind of websocket of a session, or of all (nil).
type place struct {
	of   *session
	kind string
}

// places count the websockets that are open.
type places struct {
	mu    sync.Mutex
	taken map[place]int
}

func newPlaces() places { return places{taken: map[place]int{}} }

// take takes a place. full: there is none, and why.
func (p *places) take(who *session, kind string) (full error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch most := maxTalks[kind]; {
	case p.taken[place{who, kind}] >= most.one:
		return tooMany{fmt.Sprintf("This browser has %d %s open: close one first", most.one, most.what)}
	case p.taken[place{nil, kind}] >= most.all:
		return tooMany{fmt.Sprintf("All %d %s of this site are in use: close one first, here or in another browser", most.all, most.what)}
	}
	p.taken[place{who, kind}]++
	p.taken[place{nil, kind}]++
	return nil
}

func (p *places) leave(who *session, kind string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken[place{nil, kind}]--
	if p.taken[place{who, kind}]--; p.taken[place{who, kind}] == 0 {
		delete(p.taken, place{who, kind})
	}
}

// tooMany says that there is no place.
type tooMany struct{ reason string }

func (t tooMany) Error() string { return t.reason }

// socket is the server's end of a websocket. It may be written to from several goroutines.
type socket struct {
	conn *websocket.Conn
	mu   sync.Mutex // one writer at a time
}

func (s *socket) send(kind int, content []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.conn.SetWriteDeadline(time.Now().Add(writeTerm)) // only sets a field
	return s.conn.WriteMessage(kind, content)
}

// say sends a message {"name": value}.
func (s *socket) say(name string, value any) error { return s.tell(map[string]any{name: value}) }

// tell sends a message in JSON.
func (s *socket) tell(message any) error {
	text, err := json.Marshal(message)
	if err != nil {
		return err
	}
	return s.send(websocket.TextMessage, text)
}

// talk is a conversation over a websocket. Both functions end when ctx is done; when one of them returns, ctx is.
type talk struct {
	speak  func(ctx context.Context, s *socket) error
	listen func(kind int, message []byte) error // gets what the browser says, one message after the other; nil: it has nothing to say
}

// errSilent is for who speaks where there is nothing to say.
var errSilent = errors.New("there is nothing to say here")

// converse makes a websocket of a request and holds the conversation. It returns when the websocket is closed.
func (s *Server) converse(w http.ResponseWriter, r *http.Request, kind string, hold talk) {
	who := sessionOf(r)
	full := s.places.take(who, kind)
	if full == nil {
		defer s.places.leave(who, kind)
	}
	s.talks.Add(1)
	defer s.talks.Done()
	upgrader := websocket.Upgrader{HandshakeTimeout: headerTerm, CheckOrigin: fromOurPage}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // the upgrader has answered
	}
	defer conn.Close() // if there is a panic, too
	socket := &socket{conn: conn}
	if full != nil {
		socket.close(full, false) // to refuse the request would be no use: browsers show their pages nothing of that
		return
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	over := context.AfterFunc(who.ctx, func() { cancel(errEnded) })
	defer over()
	// A write that is stuck gets a last moment when the conversation ends.
	stop := context.AfterFunc(ctx, func() { _ = conn.NetConn().SetWriteDeadline(time.Now().Add(closeTerm)) })
	defer stop()
	var beside sync.WaitGroup
	beside.Go(func() { cancel(socket.read(hold.listen)) })
	beside.Go(func() { cancel(socket.ping(ctx)) })
	err = hold.speak(ctx, socket)
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	cancel(err)
	socket.close(err, r.Context().Err() != nil)
	beside.Wait()
}

func (s *socket) read(listen func(int, []byte) error) error {
	s.conn.SetReadLimit(maxMessage)
	alive := func(string) error { return s.conn.SetReadDeadline(time.Now().Add(silenceTerm)) }
	s.conn.SetPongHandler(alive)
	for {
		if err := alive(""); err != nil {
			return err
		}
		kind, message, err := s.conn.ReadMessage()
		switch {
		case err != nil:
			return err
		case listen == nil:
			return errSilent
		}
		if err := listen(kind, message); err != nil {
			return err
		}
	}
}

func (s *socket) ping(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pingEvery):
			if err := s.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeTerm)); err != nil {
				return err
			}
		}
	}
}

// close says why, and hangs up.
func (s *socket) close(reason error, ending bool) {
	code, text := websocket.CloseNormalClosure, ""
	switch {
	case ending:
		code, text = websocket.CloseGoingAway, "the lab site ends"
	case errors.As(reason, &tooMany{}):
		code, text = websocket.CloseTryAgainLater, reason.Error()
	case errors.Is(reason, errSilent), errors.Is(reason, errEnded):
		code, text = websocket.ClosePolicyViolation, reason.Error()
	case reason != nil:
		code, text = websocket.CloseInternalServerErr, reason.Error()
	}
	_ = s.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, text[:min(len(text), 120)]), time.Now().Add(closeTerm))
	_ = s.conn.Close()
}
