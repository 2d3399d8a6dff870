package site

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"

	"kubelab/site/record"
)

const (
	batchEvery = 50 * time.Millisecond
	maxBatch   = 1 << 20 // bytes of frames in a message, about
	// maxBehind is how many frames a browser gets late. It is the history that keeps them, so a slow browser costs no memory.
	maxBehind = 5000
	// memory is how many frames a browser gets of what was before it came, so that it can go back in time at once.
	memory = 2000
)

// hello is what the pages need to know first.
type hello struct {
	Cluster  string `json:"cluster"`
	Mode     string `json:"mode"` // "live" or "replay"
	Role     Role   `json:"role"`
	Terminal bool   `json:"terminal"`
	Labs     bool   `json:"labs"`
	Shell    string `json:"shell,omitempty"` // whose shell the terminal is
	Notice   string `json:"notice,omitempty"`
}

// recording is what the pages need to know of one.
type recording struct {
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	Frames int       `json:"frames"`
	Cut    string    `json:"cut,omitempty"`
}

func (s *Server) hello(role Role) hello {
	h := hello{Cluster: s.Cluster, Mode: "live", Role: role, Labs: s.Labs != nil, Terminal: s.Terminal != nil && role == Student}
	if s.Recording != nil {
		h.Mode = "replay"
	}
	if h.Terminal {
		h.Shell = s.Terminal.User()
	}
	if h.Shell == "root" {
		h.Notice = "The terminal is root's: whoever has this page open can do everything on the machine of the cluster."
	}
	return h
}

// stream sends the frames as they come.
func (s *Server) stream(w http.ResponseWriter, r *http.Request) {
	role := sessionOf(r).role
	s.converse(w, r, "stream", talk{speak: func(ctx context.Context, socket *socket) error {
		if err := socket.say("hello", s.hello(role)); err != nil {
			return err
		}
		if kept := s.Recording; kept != nil {
			if err := socket.say("recording", recording{kept.From, kept.To, len(kept.Frames), kept.Cut}); err != nil {
				return err
			}
		}
		ctx, cancel := context.WithCancelCause(ctx)
		var beside sync.WaitGroup
		defer beside.Wait()
		defer cancel(nil)
		beside.Go(func() { cancel(s.notices.follow(ctx, socket)) })
		return s.follow(ctx, socket)
	}})
}

// follow sends a state of a while ago, and what happened to it since. Whoever falls behind gets the state as it is then.
func (s *Server) follow(ctx context.Context, socket *socket) error {
	for state := s.Source.Recent(memory); ; state = s.Source.Snapshot() {
		if err := socket.say("snapshot", state); err != nil {
			return err
		}
		if err := s.frames(ctx, socket, state.Seq); !errors.Is(err, record.ErrForgotten) {
			return err
		}
	}
}

// frames sends what follows on a state, gathered for a moment each.
func (s *Server) frames(ctx context.Context, socket *socket, seq int64) error {
	for {
		frames, err := s.Source.Next(ctx, seq)
		switch {
		case err != nil:
			return err
		case len(frames) > maxBehind && s.Recording == nil:
			return record.ErrForgotten
		}
		if err := sendFrames(socket, frames); err != nil {
			return err
		}
		seq = frames[len(frames)-1].Seq
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(batchEvery):
		}
	}
}

// sendFrames sends frames in messages of a bearable length.
func sendFrames(socket *socket, frames []record.Frame) error {
	var batch []json.RawMessage
	size := 0
	for i, frame := range frames {
		text, err := json.Marshal(frame)
		if err != nil {
			return err
		}
		batch, size = append(batch, text), size+len(text)
		if size < maxBatch && i < len(frames)-1 {
			continue
		}
		if err := socket.say("frames", batch); err != nil {
			return err
		}
		batch, size = nil, 0
	}
	return nil
}
