package site_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"

	"kubelab/site"
	"kubelab/site/record"
)

// seqs are the numbers of the frames of a message.
func seqs(t *testing.T, message map[string]json.RawMessage) (numbers []int64) {
	t.Helper()
	for _, frame := range into[[]record.Frame](t, message["frames"]) {
		numbers = append(numbers, frame.Seq)
	}
	return numbers
}

func TestABrowserGetsTheStateAndThenWhatHappens(t *testing.T) {
	r := serve(t, nil)
	r.history.Begin(record.Snapshot{Seq: 2, Objects: []record.Object{*object("web", 2).Object}})
	stream := r.in(site.Student).open("/ws/stream")
	if got, want := string(stream.hear()["hello"]), `{"cluster":"lab","mode":"live","role":"student","terminal":false,"labs":false}`; got != want {
		t.Errorf("hello: %s", got)
	}
	state := into[record.Snapshot](t, stream.hear()["snapshot"])
	if state.Seq != 2 || len(state.Objects) != 1 || state.Objects[0].Revision != 2 {
		t.Errorf("the state: %+v", state)
	}
	r.history.Append(object("web", 3), object("db", 4))
	if diff := cmp.Diff([]int64{3, 4}, seqs(t, stream.hear())); diff != "" {
		t.Error(diff)
	}
}

func TestABrowserThatComesLaterGetsWhatHappenedJustBefore(t *testing.T) {
	r := serve(t, nil)
	for i := range 2500 {
		r.history.Append(object("web", int64(i)))
	}
	stream := r.in(site.Student).open("/ws/stream")
	stream.hear()
	if state := into[record.Snapshot](t, stream.hear()["snapshot"]); state.Seq != 500 {
		t.Errorf("it begins at %d", state.Seq)
	}
	if got := seqs(t, stream.hear()); got[0] != 501 {
		t.Errorf("it goes on with %d", got[0])
	}
}

func TestFramesComeInOrderWithoutAGapAndNotOneByOne(t *testing.T) {
	r := serve(t, nil)
	stream := r.in(site.Student).open("/ws/stream")
	stream.hear()
	stream.hear()
	const frames = 2000
	go func() {
		for i := range frames {
			r.history.Append(object("web", int64(i)))
			if i%50 == 0 {
				time.Sleep(time.Millisecond) // a cluster that works
			}
		}
	}()
	messages, last := 0, int64(0)
	began := time.Now()
	for last < frames {
		for _, seq := range seqs(t, stream.hear()) {
			if seq != last+1 {
				t.Fatalf("frame %d follows frame %d", seq, last)
			}
			last = seq
		}
		messages++
	}
	if most := int(time.Since(began)/(50*time.Millisecond)) + 4; messages > most {
		t.Errorf("%d messages in %v", messages, time.Since(began))
	}
}

func TestABrowserThatFellBehindGetsTheStateAnew(t *testing.T) {
	r := serve(t, nil)
	stream := r.in(site.Student).open("/ws/stream")
	stream.hear()
	stream.hear()
	large := record.Frame{Fact: &record.Fact{About: "rules/node-1", Data: json.RawMessage(`"` + strings.Repeat("x", 100_000) + `"`)}}
	for range 200 { // 20 MB: more than the sockets between us hold
		r.history.Append(large)
	}
	r.history.Append(slices.Repeat([]record.Frame{object("web", 7)}, 10_000)...)
	last, anew := int64(0), false
	for last < 10_200 {
		message := stream.hear()
		if text, ok := message["snapshot"]; ok {
			last, anew = into[record.Snapshot](t, text).Seq, true
			continue
		}
		for _, seq := range seqs(t, message) {
			if last != 0 && seq != last+1 {
				t.Fatalf("frame %d follows %d", seq, last)
			}
			last = seq
		}
	}
	if !anew {
		t.Error("it got all that it had missed")
	}
}

func TestAHistoryThatBeginsAnewIsANewState(t *testing.T) {
	r := serve(t, nil)
	r.history.Append(object("web", 1))
	stream := r.in(site.Student).open("/ws/stream")
	for range 3 {
		stream.hear()
	}
	r.history.Begin(record.Snapshot{Cluster: "lab"})
	if state := into[record.Snapshot](t, stream.hear()["snapshot"]); len(state.Objects) != 0 {
		t.Errorf("got %+v", state)
	}
}

func TestANoticeReachesAllBrowsersAndThoseThatComeLater(t *testing.T) {
	r := serve(t, nil)
	early := r.in(site.Student).open("/ws/stream")
	early.hear()
	early.hear()
	r.server.Notice("error", "The API server does not answer.")
	late := r.in(site.Viewer).open("/ws/stream")
	late.hear()
	for _, stream := range []*talk{early, late} {
		message := stream.hear()
		if message["snapshot"] != nil {
			message = stream.hear()
		}
		if got := string(message["notice"]); got != `{"level":"error","text":"The API server does not answer."}` {
			t.Errorf("got %s", got)
		}
	}
	r.server.Notice("clear", "")
	for _, stream := range []*talk{early, late} {
		message := stream.hear()
		if message["snapshot"] != nil {
			message = stream.hear()
		}
		if got := string(message["notice"]); got != `{"level":"clear","text":""}` {
			t.Errorf("got %s", got)
		}
	}
	last := r.in(site.Student).open("/ws/stream")
	last.hear()
	last.hear()
	r.history.Append(object("web", 1))
	if message := last.hear(); message["frames"] == nil {
		t.Errorf("who comes when all is well is told %s", message["notice"])
	}
}

func TestARecordingBeginsAtItsFirstFrame(t *testing.T) {
	kept := &record.Recording{Cluster: "lab", From: time.Unix(1700000000, 0).UTC(), To: time.Unix(1700000060, 0).UTC(), Cut: "cut off after frame 2500"}
	for i := range 2500 {
		frame := object("web", int64(i))
		frame.Seq = int64(i) + 1
		kept.Frames = append(kept.Frames, frame)
	}
	r := serve(t, func(c *site.Config) { c.Source, c.Recording = nil, kept })
	b := r.in(site.Student)
	stream := b.open("/ws/stream")
	if got := string(stream.hear()["hello"]); !strings.Contains(got, `"mode":"replay"`) {
		t.Errorf("hello: %s", got)
	}
	want := `{"from":"2023-11-14T22:13:20Z","to":"2023-11-14T22:14:20Z","frames":2500,"cut":"cut off after frame 2500"}`
	if got := string(stream.hear()["recording"]); got != want {
		t.Errorf("recording: %s", got)
	}
	if state := into[record.Snapshot](t, stream.hear()["snapshot"]); state.Seq != 0 {
		t.Errorf("it begins at %d", state.Seq)
	}
	var all []int64
	for len(all) < 2500 {
		all = append(all, seqs(t, stream.hear())...)
	}
	if all[2499] != 2500 {
		t.Errorf("it ends with %d", all[2499])
	}
	for path, body := range changes {
		if got := b.post(path, body); got.status != 404 {
			t.Errorf("%s in a recording: %d", path, got.status)
		}
	}
	for _, path := range sockets[1:] {
		if conn, status := b.dial(path); conn != nil || status != 404 {
			t.Errorf("%s in a recording: %d", path, status)
		}
	}
}

func TestABrowserHasNothingToSayOnTheStream(t *testing.T) {
	stream := serve(t, nil).in(site.Student).open("/ws/stream")
	if err := stream.WriteMessage(websocket.TextMessage, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	if got := stream.closed(); got.Code != websocket.ClosePolicyViolation {
		t.Errorf("hung up on with %v", got)
	}
}

func TestAMessageThatIsTooLongIsNotRead(t *testing.T) {
	r, _ := full(t)
	shell := r.in(site.Student).open("/ws/terminal")
	_ = shell.WriteMessage(websocket.BinaryMessage, make([]byte, 1<<20)) // it may break off
	_ = shell.SetReadDeadline(time.Now().Add(10 * time.Second))          // only sets a field
	kind, _, err := shell.ReadMessage()
	var late net.Error
	if err == nil || errors.As(err, &late) && late.Timeout() {
		t.Errorf("it got through: %d, %v", kind, err)
	}
}

func TestOfEachKindOfWebsocketThereAreOnlySoManyAndNoBrowserTakesThemAll(t *testing.T) {
	r, p := full(t)
	for path, most := range map[string]struct{ all, one int }{"/ws/stream": {64, 16}, "/ws/terminal": {8, 4}, "/ws/lab?lab=03-pods&step=one": {16, 4}} {
		var first *talk
		for range most.all / most.one {
			b := r.in(site.Student)
			for range most.one {
				if talk := b.open(path); first == nil {
					first = talk
				}
			}
			if got := b.open(path).closed(); got.Code != websocket.CloseTryAgainLater || !strings.HasPrefix(got.Text, fmt.Sprintf("This browser has %d", most.one)) {
				t.Errorf("one more %s of a browser: %v", path, got)
			}
		}
		late := r.in(site.Student)
		if got := late.open(path).closed(); got.Code != websocket.CloseTryAgainLater || !strings.HasPrefix(got.Text, fmt.Sprintf("All %d", most.all)) {
			t.Errorf("one more %s of all: %v", path, got)
		}
		first.Close()
		r.wait("a place to become free", func() bool {
			conn, _ := late.dial(path)
			_ = conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond)) // only sets a field
			_, _, err := conn.ReadMessage()
			return !websocket.IsCloseError(err, websocket.CloseTryAgainLater)
		})
	}
	if opened := slices.DeleteFunc(p.all(), func(did string) bool { return !strings.HasPrefix(did, "open") }); len(opened) != 9 {
		t.Errorf("%d shells were opened for 8 places and one that became free", len(opened))
	}
}

// mistaken is a part with a mistake.
type mistaken struct{ *parts }

func (mistaken) Check(context.Context, string, string, func(any) error) error { panic("a mistake") }

func TestAMistakeInAPartHangsUpOnItsBrowserAlone(t *testing.T) {
	r := serve(t, func(c *site.Config) { c.Labs = mistaken{&parts{}} })
	b := r.in(site.Student)
	stream, lab := b.open("/ws/stream"), b.open("/ws/lab?lab=03-pods&step=one")
	_ = lab.SetReadDeadline(time.Now().Add(10 * time.Second)) // only sets a field
	var late net.Error
	if _, _, err := lab.ReadMessage(); err == nil || errors.As(err, &late) && late.Timeout() {
		t.Errorf("it is not hung up on: %v", err)
	}
	stream.hear()
}

func TestALabIsCheckedWhileItsStepIsOpen(t *testing.T) {
	r, p := full(t)
	b := r.in(site.Student)
	lab := b.open("/ws/lab?lab=03-pods&step=one")
	if got := lab.hear(); string(got["step"]) != `"one"` || string(got["done"]) != "true" {
		t.Errorf("it says %s", got)
	}
	lab.Close()
	r.wait("the end of the checks", func() bool { return fmt.Sprint(p.all()) == "[check 03-pods one end of check]" })
}

func TestAtTheEndAllBrowsersAreToldAndNothingIsLeft(t *testing.T) {
	r, p := full(t)
	b := r.in(site.Student)
	talks := []*talk{b.open("/ws/stream"), b.open("/ws/terminal"), b.open("/ws/lab?lab=03-pods&step=one")}
	before := strings.Count(goroutines(), "kubelab/site.")
	if before == 0 {
		t.Fatal("this test does not see the server's goroutines")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	go func() { r.end(); cancel() }()
	for _, talk := range talks {
		if got := talk.closed(); got.Code != websocket.CloseGoingAway || got.Text != "the lab site ends" {
			t.Errorf("hung up on with %v", got)
		}
	}
	<-ctx.Done()
	if ctx.Err() != context.Canceled {
		t.Error("that took more than 20 s")
	}
	// The server has ended when its websockets have; the last lines of those who answered them may still run.
	r.wait("the end of all goroutines", func() bool { return !strings.Contains(goroutines(), "kubelab/site.") })
	if got := p.all(); !slices.Contains(got, "close") {
		t.Errorf("the shell was not closed: %q", got)
	}
}
