package site_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"kubelab/site"
)

func TestATerminalCarriesBytesBothWays(t *testing.T) {
	r, p := full(t)
	shell := r.in(site.Student).open("/ws/terminal?cols=100&rows=30")
	for _, typed := range []string{"ls\r", "\x00\xff\x1b[A", "ä"} {
		if err := shell.WriteMessage(websocket.BinaryMessage, []byte(typed)); err != nil {
			t.Fatal(err)
		}
		if kind, printed := shell.message(); kind != websocket.BinaryMessage || string(printed) != typed {
			t.Errorf("typed %q, printed %q (kind %d)", typed, printed, kind)
		}
	}
	if err := shell.WriteMessage(websocket.TextMessage, []byte(`{"resize":{"cols":132,"rows":50}}`)); err != nil {
		t.Fatal(err)
	}
	r.wait("the new size", func() bool { return slices.Contains(p.all(), "resize 132x50") })
	if p.all()[0] != "open 100x30" {
		t.Errorf("opened with %q", p.all())
	}
	shell.Close()
	r.wait("the end of the shell", func() bool { return slices.Contains(p.all(), "close") })
}

func TestAShellThatEndsTellsItsCodeAndTheWebsocketEnds(t *testing.T) {
	r, p := full(t)
	made := make(chan *echo, 1)
	p.shell = func() site.Shell {
		e := newEcho(p)
		made <- e
		return e
	}
	shell := r.in(site.Student).open("/ws/terminal")
	(<-made).in.Close()
	if got := string(shell.hear()["exit"]); got != "3" {
		t.Errorf("exit: %s", got)
	}
	if got := shell.closed(); got.Code != websocket.CloseNormalClosure {
		t.Errorf("hung up on with %v", got)
	}
}

// flood is a shell that prints without end, until something is typed.
type flood struct {
	*echo
	printed atomic.Int64
	typed   chan struct{}
}

func (f *flood) Read(into []byte) (int, error) {
	select {
	case <-f.typed:
		return 0, io.EOF
	default:
		f.printed.Add(int64(len(into)))
		return copy(into, bytes.Repeat([]byte("y\r\n"), len(into)/3+1)), nil
	}
}

func (f *flood) Write(typed []byte) (int, error) {
	close(f.typed)
	return len(typed), nil
}

func TestAFloodWaitsForTheBrowserAndCtrlCDoesNot(t *testing.T) {
	r, p := full(t)
	made := make(chan *flood, 1)
	p.shell = func() site.Shell {
		f := &flood{echo: newEcho(p), typed: make(chan struct{})}
		made <- f
		return f
	}
	shell := r.in(site.Student).open("/ws/terminal")
	f := <-made
	const window = 512<<10 + 32<<10
	r.wait("the flood", func() bool { return f.printed.Load() >= 512<<10 })
	got := 0
	for got < 512<<10 {
		_, printed := shell.message()
		got += len(printed)
	}
	if printed := f.printed.Load(); printed > window {
		t.Errorf("nothing is acknowledged, and it printed %d", printed)
	}
	if err := shell.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `{"ack":%d}`, got)); err != nil {
		t.Fatal(err)
	}
	r.wait("the flood to go on", func() bool { return f.printed.Load() >= 2*512<<10 })
	if printed := f.printed.Load(); printed > int64(got)+window {
		t.Errorf("%d are acknowledged, and it printed %d", got, printed)
	}
	if err := shell.WriteMessage(websocket.BinaryMessage, []byte("\x03")); err != nil { // the window is full again
		t.Fatal(err)
	}
	select {
	case <-f.typed:
	case <-time.After(10 * time.Second):
		t.Error("Ctrl-C waits behind the flood")
	}
}

func TestABrowserThatAcknowledgesMoreThanItGotGetsNoMoreThanOthers(t *testing.T) {
	r, p := full(t)
	made := make(chan *flood, 1)
	p.shell = func() site.Shell {
		f := &flood{echo: newEcho(p), typed: make(chan struct{})}
		made <- f
		return f
	}
	shell := r.in(site.Student).open("/ws/terminal")
	f := <-made
	if err := shell.WriteMessage(websocket.TextMessage, []byte(`{"ack":1000000000}`)); err != nil {
		t.Fatal(err)
	}
	r.wait("the flood", func() bool { return f.printed.Load() >= 512<<10 })
	time.Sleep(50 * time.Millisecond) // in which it would print some hundred MB
	if printed := f.printed.Load(); printed > 4*512<<10 {
		t.Errorf("it printed %d", printed)
	}
}

// deaf is a shell in which nobody reads what is typed.
type deaf struct {
	*echo
	closed chan struct{}
}

func (d *deaf) Write([]byte) (int, error) {
	<-d.closed
	return 0, io.ErrClosedPipe
}

func (d *deaf) Close() error {
	select {
	case <-d.closed:
	default:
		close(d.closed)
	}
	return d.echo.Close()
}

func TestWhatNobodyReadsIsNotKeptWithoutEnd(t *testing.T) {
	r, p := full(t)
	p.shell = func() site.Shell { return &deaf{newEcho(p), make(chan struct{})} }
	shell := r.in(site.Student).open("/ws/terminal")
	for range 1000 {
		if shell.WriteMessage(websocket.BinaryMessage, make([]byte, 16<<10)) != nil {
			return // hung up on
		}
	}
	if got := shell.closed(); !strings.Contains(got.Text, "does not read") {
		t.Errorf("hung up on with %v", got)
	}
}

func TestAShellThatCannotBeOpenedSaysWhy(t *testing.T) {
	r := serve(t, func(c *site.Config) { c.Terminal = broken{} })
	if got := string(r.in(site.Student).open("/ws/terminal").hear()["error"]); got != `"there is no bash"` {
		t.Errorf("it says %s", got)
	}
}

type broken struct{}

func (broken) User() string { return "root" }

func (broken) Open(uint16, uint16) (site.Shell, error) { return nil, errors.New("there is no bash") }

func TestWhoHasARootTerminalIsToldSo(t *testing.T) {
	r := serve(t, func(c *site.Config) { c.Terminal = broken{} })
	if got := string(r.in(site.Student).open("/ws/stream").hear()["hello"]); !strings.Contains(got, `"shell":"root","notice":"The terminal is root's`) {
		t.Errorf("hello: %s", got)
	}
}

// slow is a shell that takes a moment to end, as programs do.
type slow struct{ *echo }

func (s slow) Close() error {
	time.Sleep(200 * time.Millisecond)
	s.parts.note("ended")
	return s.echo.Close()
}

func TestTheSiteEndsAfterItsShells(t *testing.T) {
	r, p := full(t)
	p.shell = func() site.Shell { return slow{newEcho(p)} }
	shell := r.in(site.Student).open("/ws/terminal")
	if err := shell.WriteMessage(websocket.BinaryMessage, []byte("x")); err != nil {
		t.Fatal(err)
	}
	shell.message() // it is there
	r.end()
	if !slices.Contains(p.all(), "ended") {
		t.Error("the site has ended, and its shell has not")
	}
}
