package site

import (
	"context"
	"sync"
)

// notice is a line above the picture: "info", "warning", "error", or "clear" for none.
type notice struct {
	Level string `json:"level"`
	Text  string `json:"text"`
}

// board is where the notice hangs that holds now.
type board struct {
	mu      sync.Mutex
	notice  notice
	changed chan struct{} // closed at the next change
}

func newBoard() *board { return &board{changed: make(chan struct{})} }

func (b *board) put(n notice) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.notice == n {
		return
	}
	b.notice = n
	close(b.changed)
	b.changed = make(chan struct{})
}

func (b *board) read() (notice, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.notice, b.changed
}

// follow sends each notice, and to a newcomer the one that holds.
func (b *board) follow(ctx context.Context, socket *socket) error {
	for said := false; ; {
		now, changed := b.read()
		if said = said || now.Level != "" && now.Level != "clear"; said {
			if err := socket.say("notice", now); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-changed:
		}
	}
}

// Notice tells all browsers what they should know, until the next notice. Level "clear" takes it away.
func (s *Server) Notice(level, text string) { s.notices.put(notice{level, text}) }
