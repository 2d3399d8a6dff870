package site

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"kubelab/kube/trace"
	"kubelab/site/record"
)

// Config is what a server serves, and to whom. What is nil is not there.
type Config struct {
	Cluster   string            // its name
	Source    Source            // of the frames; with a Recording not needed
	Recording *record.Recording // what is replayed; nil: a cluster that lives
	Pages     fs.FS             // as web.Files gives them

	Terminal Terminal
	Faults   Faults
	Gates    Gates
	Requests Requests
	Labs     Labs

	AllowHosts []string // names that a browser may call us by, beside those of the loopback
	Password   string   // with which one gets in without a token; empty: nobody
	Sessions   string   // the file that keeps the sessions when the site starts anew; empty: they end with it
	NewAddress string   // the command that prints a fresh address
	// Publish is given each fresh address that lets one browser in, before it does. [KeepIn] keeps them in files.
	Publish func(role Role, url string) error
}

// Source is where frames come from. [record.History] is one.
type Source interface {
	// Snapshot is the state now, and Recent that before the newest frames, so many of them at most.
	Snapshot() record.Snapshot
	Recent(frames int64) record.Snapshot
	// Next waits for frames after the one with the number seq. record.ErrForgotten: take a snapshot instead.
	Next(ctx context.Context, seq int64) ([]record.Frame, error)
	// Steps are those up to the frame with the number seq; 0: up to now.
	Steps(seq int64) []trace.Step
}

// Server is a lab site.
type Server struct {
	Config
	sessions *sessions
	pages    *pages
	notices  *board
	places   places
	changes  changes
	end      context.CancelFunc // of what goes on without a request
	talks    sync.WaitGroup     // websockets and changes, which http.Server does not know any more
}

// New makes a server. Nothing is served yet.
func New(config Config) *Server {
	if config.Recording != nil {
		config.Source = replay{config.Recording.History(), config.Recording.Snapshot}
	}
	s := &Server{Config: config, sessions: newSessions(config.Publish, config.Sessions), pages: newPages(config.Pages), notices: newBoard(), places: newPlaces()}
	s.changes.work = &s.talks
	s.changes.life, s.end = context.WithCancel(context.Background())
	return s
}

// replay begins at the first frame, not at the last.
type replay struct {
	*record.History
	first record.Snapshot
}

// Recent is the state before the first frame.
func (r replay) Recent(int64) record.Snapshot { return r.first }

// How long a request may take. Websockets have terms of their own: see socket.go.
const (
	headerTerm = 5 * time.Second
	bodyTerm   = 30 * time.Second
	answerTerm = time.Minute
	idleTerm   = 2 * time.Minute
	endTerm    = 5 * time.Second
	maxHeader  = 32 << 10
	maxBody    = 64 << 10
)

// Serve serves until ctx is done; then it tells all browsers, ends all shells, and returns nil.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := s.sessions.announce(baseURL(listener, s.AllowHosts)); err != nil {
		return errors.Join(err, listener.Close())
	}
	server := &http.Server{
		Handler: s.Handler(), ReadHeaderTimeout: headerTerm, ReadTimeout: bodyTerm, WriteTimeout: answerTerm, IdleTimeout: idleTerm,
		MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(slog.Default().Handler(), slog.LevelDebug),
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	if entrance, ok := listener.(door); ok {
		entrance.counted.Watch(server)
	}
	var beside sync.WaitGroup
	defer beside.Wait()
	beside.Go(func() {
		<-ctx.Done()
		patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTerm)
		defer cancel()
		if server.Shutdown(patience) != nil {
			_ = server.Close() // of a request that does not end
		}
	})
	err := server.Serve(listener)
	cancel()
	s.end()
	s.talks.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// secret is something that nobody guesses: 256 bits.
func secret() string {
	bytes := make([]byte, 32)
	_, _ = rand.Read(bytes) // never fails: see crypto/rand
	return hex.EncodeToString(bytes)
}
