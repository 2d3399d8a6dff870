package site

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"

	"github.com/gorilla/websocket"
)

const (
	maxUnacked               = 512 << 10 // bytes that the browser has not shown yet; then the shell waits
	chunk                    = 32 << 10  // bytes of a message
	maxTyped                 = 64        // messages that the shell has not read yet; then the browser is hung up on
	defaultCols, defaultRows = 80, 24
)

var errTyped = errors.New("the program in the terminal does not read what is sent to it")

// terminal is a shell. Binary messages are what it reads and prints, texts are about the terminal itself.
func (s *Server) terminal(w http.ResponseWriter, r *http.Request) {
	if s.Terminal == nil {
		refuse(w, http.StatusNotFound, notInReplay)
		return
	}
	cols, rows := size(r.FormValue("cols"), defaultCols), size(r.FormValue("rows"), defaultRows)
	typed := make(chan []byte, maxTyped)
	window := newWindow()
	resized := make(chan resize, 1)
	s.converse(w, r, "terminal", talk{
		listen: func(kind int, message []byte) error {
			if kind == websocket.BinaryMessage {
				select {
				case typed <- message:
					return nil
				default: // waiting would keep the acknowledgements waiting, too
					return errTyped
				}
			}
			return window.control(message, resized)
		},
		speak: func(ctx context.Context, socket *socket) error {
			shell, err := s.Terminal.Open(cols, rows)
			if err != nil {
				return socket.say("error", err.Error())
			}
			return operate(ctx, socket, shell, typed, resized, window)
		},
	})
}

type resize struct{ Cols, Rows uint16 }

// operate carries bytes between shell and browser until one of them ends.
func operate(ctx context.Context, socket *socket, shell Shell, typed <-chan []byte, resized <-chan resize, window *window) error {
	ctx, cancel := context.WithCancel(ctx)
	var beside sync.WaitGroup
	defer beside.Wait()
	defer cancel()
	closing := context.AfterFunc(ctx, func() { _ = shell.Close() }) // ends Read and Write
	defer closing()
	defer shell.Close()
	beside.Go(func() {
		for {
			select { // of a shell that has ended Read tells
			case <-ctx.Done():
				return
			case text := <-typed:
				_, _ = shell.Write(text)
			case size := <-resized:
				_ = shell.Resize(size.Cols, size.Rows)
			}
		}
	})
	buffer := make([]byte, chunk)
	for {
		if err := window.wait(ctx); err != nil {
			return err
		}
		n, err := shell.Read(buffer)
		if n > 0 {
			window.sent(n)
			if err := socket.send(websocket.BinaryMessage, buffer[:n]); err != nil {
				return err
			}
		}
		if err != nil {
			break
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return socket.say("exit", shell.Wait())
}

// size is a number of columns or rows.
func size(text string, usual uint16) uint16 {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n == 0 {
		return usual
	}
	return uint16(n)
}

// window is how much the browser has still to show.
type window struct {
	mu      sync.Mutex
	unacked int
	freed   chan struct{} // has a value when something was acknowledged
}

func newWindow() *window { return &window{freed: make(chan struct{}, 1)} }

func (w *window) sent(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.unacked += n
}

func (w *window) ack(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.unacked -= min(max(n, 0), w.unacked) // a browser cannot have shown more than it got
	select {
	case w.freed <- struct{}{}:
	default:
	}
}

// wait waits until there is room.
func (w *window) wait(ctx context.Context) error {
	for {
		w.mu.Lock()
		full := w.unacked >= maxUnacked
		w.mu.Unlock()
		if !full {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-w.freed:
		}
	}
}

// control obeys a text message.
func (w *window) control(message []byte, resized chan resize) error {
	var said struct {
		Resize *resize
		Ack    int
	}
	if err := json.Unmarshal(message, &said); err != nil {
		return fmt.Errorf("a text message is to be {\"resize\":…} or {\"ack\":…}: %w", err)
	}
	if said.Ack != 0 {
		w.ack(said.Ack)
	}
	if said.Resize != nil && said.Resize.Cols > 0 && said.Resize.Rows > 0 {
		select { // only the last one counts
		case <-resized:
		default:
		}
		resized <- *said.Resize
	}
	return nil
}
