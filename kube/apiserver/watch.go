package apiserver

import (
	"bytes"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"

	"kubelab/kube/api"
	"kubelab/kube/store"
)

// A watch tells its client now and then how far it has come, so that the client can come back to that point later: each
// bookmarkEvery, and earlier when bookmarkRevisions have passed of which the client saw none. So a client is never so far behind
// that a server which starts anew does not know what it missed.
const (
	bookmarkEvery     = time.Minute
	bookmarkRevisions = 1000
	bookmarkCheck     = 5 * time.Second
)

// serveWatch streams changes until the client goes, falls too far behind, or its time is over.
func (s *Server) serveWatch(c *call) error {
	selected, err := selectorOf(c)
	if err != nil {
		return err
	}
	w := &watcher{c: c, view: c.view, selected: selected, bookmarks: c.list.AllowWatchBookmarks}
	events, err := s.openWatch(c, w)
	if err != nil {
		return err
	}
	defer events.Stop()
	w.start()
	w.flush()
	w.run(s.cache, events)
	return nil
}

// openWatch finds where the stream begins: with all that there is (no resourceVersion, "0", or
// sendInitialEvents), or after a revision.
func (s *Server) openWatch(c *call, w *watcher) (*store.Watch, error) {
	asked := c.list.ResourceVersion
	initial := c.list.SendInitialEvents != nil && *c.list.SendInitialEvents
	if err := s.reach(c.r.Context(), asked); err != nil {
		if s.cache.Revision() == 0 { // clients ask for the same watch again; after other errors they would list
			return nil, apierrors.NewTooManyRequests("storage is (re)initializing", 1)
		}
		return nil, err
	}
	if !initial && asked != "" && asked != "0" {
		revision, err := parseRevision(asked)
		if err != nil {
			return nil, err
		}
		w.known = revision
		return s.cache.Watch(c.r.Context(), prefix(c.kind, c.namespace), revision)
	}
	items, revision, events := s.cache.ListAndWatch(prefix(c.kind, c.namespace))
	w.known = revision
	if !initial {
		return events, nil
	}
	for _, item := range items {
		if object, ok := item.Object.(*stored); ok && w.selected.matches(object.object) {
			w.queue(watch.Added, object)
		}
	}
	if w.bookmarks {
		w.bookmark(revision, map[string]string{metav1.InitialEventsAnnotationKey: "true"})
	}
	return events, nil
}

// watcher writes the stream of one watch.
type watcher struct {
	c         *call
	view      view
	selected  selector
	bookmarks bool
	buffer    bytes.Buffer // what is not sent yet

	known  store.Revision // how far the client knows that it has come
	marked time.Time      // when it was last told how far the watch has come
}

func (w *watcher) start() {
	mediaType := w.view.info.MediaType
	if mediaType != runtime.ContentTypeJSON {
		mediaType += ";stream=watch"
	}
	w.c.w.Header().Set("Content-Type", mediaType)
	w.c.w.WriteHeader(http.StatusOK)
}

// run sends events as they come; those that have come together are sent together.
func (w *watcher) run(cache *store.Cache, events *store.Watch) {
	deadline := time.NewTimer(w.timeout())
	defer deadline.Stop()
	tick := time.NewTicker(bookmarkCheck)
	defer tick.Stop()
	w.marked = time.Now()
	for {
		select {
		case <-w.c.r.Context().Done():
			return
		case <-deadline.C:
			return
		case <-tick.C:
			revision := cache.Revision() // every event up to here is in the channel already
			if !w.drain(events) {
				return
			}
			if w.bookmarks && (time.Since(w.marked) >= bookmarkEvery || revision-w.known >= bookmarkRevisions) {
				w.bookmark(revision, nil)
			}
		case event, open := <-events.Events():
			if !open {
				return
			}
			w.event(event)
			if !w.drain(events) {
				return
			}
		}
		if !w.flush() {
			return
		}
	}
}

// drain takes what has come without waiting. It returns false when the stream has ended.
func (w *watcher) drain(events *store.Watch) bool {
	for {
		select {
		case event, open := <-events.Events():
			if !open {
				return false
			}
			w.event(event)
		default:
			return true
		}
	}
}

// timeout is how long the watch may last. The server spreads the ends of watches that do not say.
func (w *watcher) timeout() time.Duration {
	if seconds := w.c.list.TimeoutSeconds; seconds != nil && *seconds > 0 {
		return time.Duration(*seconds) * time.Second
	}
	return 30*time.Minute + rand.N(30*time.Minute)
}

// event sends a change as the client sees it: an object that no longer matches the selector is deleted for
// this client, one that newly matches is added.
func (w *watcher) event(event *store.Event) {
	object, ok := event.Item.Object.(*stored)
	if !ok {
		return
	}
	before := false
	if event.Previous != nil {
		if previous, ok := event.Previous.Object.(*stored); ok {
			before = w.selected.matches(previous.object)
		}
	}
	now := !event.Deleted && w.selected.matches(object.object)
	switch {
	case now && before:
		w.queue(watch.Modified, object)
	case now:
		w.queue(watch.Added, object)
	case before:
		w.queue(watch.Deleted, object)
	}
}

func (w *watcher) queue(kind watch.EventType, object *stored) {
	w.known = max(w.known, revisionOf(object.object))
	if w.view.plainJSON() {
		w.frame(kind, object.JSON())
		return
	}
	w.encode(kind, w.view.show(w.c, w.c.kind, object.object))
}

// bookmark tells the client that it has seen everything up to a revision.
func (w *watcher) bookmark(revision store.Revision, annotations map[string]string) {
	object := w.c.kind.New()
	object.GetObjectKind().SetGroupVersionKind(w.c.kind.GroupVersionKind)
	object.SetResourceVersion(strconv.FormatInt(int64(revision), 10))
	object.SetAnnotations(annotations)
	w.known, w.marked = revision, time.Now()
	w.encode(watch.Bookmark, w.view.showBookmark(w.c, w.c.kind, object))
}

// showBookmark is show, but for a table: a bookmark has no row.
func (v view) showBookmark(c *call, kind *api.Kind, object api.Object) runtime.Object {
	shown := v.show(c, kind, object)
	if t, ok := shown.(*metav1.Table); ok {
		t.Rows = []metav1.TableRow{{Cells: []any{}, Object: runtime.RawExtension{Object: partial(object)}}}
	}
	return shown
}

func (w *watcher) encode(kind watch.EventType, object runtime.Object) {
	if w.view.info.MediaType == runtime.ContentTypeJSON {
		encoded, err := json.Marshal(object)
		if err != nil {
			panic(err) // what came from JSON can be encoded
		}
		w.frame(kind, encoded)
		return
	}
	encoded, err := runtime.Encode(w.view.info.Serializer, object)
	if err != nil {
		panic(err)
	}
	stream := w.view.info.StreamSerializer
	event := &metav1.WatchEvent{Type: string(kind), Object: runtime.RawExtension{Raw: encoded}}
	if err := stream.Serializer.Encode(event, stream.Framer.NewFrameWriter(&w.buffer)); err != nil {
		panic(err)
	}
}

// frame is an event in JSON.
func (w *watcher) frame(kind watch.EventType, object []byte) {
	io.WriteString(&w.buffer, `{"type":"`+string(kind)+`","object":`)
	w.buffer.Write(object)
	w.buffer.WriteString("}\n")
}

// flush sends what has gathered. It returns false when the client is gone.
func (w *watcher) flush() bool {
	if w.buffer.Len() > 0 {
		if _, err := w.c.w.Write(w.buffer.Bytes()); err != nil {
			return false
		}
		w.buffer.Reset()
	}
	return http.NewResponseController(w.c.w).Flush() == nil
}
