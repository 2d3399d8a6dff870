package apiserver

import (
	"math/rand/v2"
	"strconv"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"kubelab/kube/apiserver/answer"
	"kubelab/kube/apiserver/request"
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

// serveWatch streams changes until the client goes, falls too far behind, or its time is over, or until the kind is served no more.
func (s *Server) serveWatch(c *call) error {
	selected, err := c.options.Selector(c.kind)
	if err != nil {
		return err
	}
	events, err := c.view.Events(c.w, c.kind)
	if err != nil {
		return err
	}
	w := &watcher{c: c, events: events, selected: selected, bookmarks: c.options.List.AllowWatchBookmarks}
	changes, err := s.openWatch(c, w)
	if err != nil {
		return err
	}
	defer changes.Stop()
	w.events.Begin()
	w.run(s.cache, changes)
	return nil
}

// openWatch finds where the stream begins: with all that there is (no resourceVersion, "0", or
// sendInitialEvents), or after a revision.
func (s *Server) openWatch(c *call, w *watcher) (*store.Watch, error) {
	asked := c.options.List.ResourceVersion
	initial := c.options.List.SendInitialEvents != nil && *c.options.List.SendInitialEvents
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
	items, revision, changes := s.cache.ListAndWatch(prefix(c.kind, c.namespace))
	w.known = revision
	if !initial {
		return changes, nil
	}
	for _, item := range items {
		if object, ok := objectOf(item, c.kind); ok && w.selected.Matches(object.Is) {
			w.add(watch.Added, object)
		}
	}
	if w.bookmarks {
		w.bookmark(revision, map[string]string{metav1.InitialEventsAnnotationKey: "true"})
	}
	return changes, nil
}

// watcher writes the stream of one watch.
type watcher struct {
	c         *call
	events    *answer.Events
	selected  request.Selector
	bookmarks bool

	known  store.Revision // how far the client knows that it has come
	marked time.Time      // when it was last told how far the watch has come
}

// run sends events as they come; those that have come together are sent together.
func (w *watcher) run(cache *store.Cache, changes *store.Watch) {
	deadline := time.NewTimer(w.timeout())
	defer deadline.Stop()
	tick := time.NewTicker(bookmarkCheck)
	defer tick.Stop()
	w.marked = time.Now()
	for {
		select {
		case <-w.c.r.Context().Done():
			return
		case <-w.c.ended:
			return
		case <-deadline.C:
			return
		case <-tick.C:
			revision := cache.Revision() // every event up to here is in the channel already
			if !w.drain(changes) {
				return
			}
			if w.bookmarks && (time.Since(w.marked) >= bookmarkEvery || revision-w.known >= bookmarkRevisions) {
				w.bookmark(revision, nil)
			}
		case event, open := <-changes.Events():
			if !open {
				return
			}
			w.event(event)
			if !w.drain(changes) {
				return
			}
		}
		if !w.events.Flush() {
			return
		}
	}
}

// drain takes what has come without waiting. It returns false when the stream has ended.
func (w *watcher) drain(changes *store.Watch) bool {
	for {
		select {
		case event, open := <-changes.Events():
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
	if seconds := w.c.options.List.TimeoutSeconds; seconds != nil && *seconds > 0 {
		return time.Duration(*seconds) * time.Second
	}
	return 30*time.Minute + rand.N(30*time.Minute)
}

// event sends a change as the client sees it: an object that no longer matches the selector is deleted for
// this client, one that newly matches is added.
func (w *watcher) event(event *store.Event) {
	object, ok := objectOf(event.Item, w.c.kind)
	if !ok {
		return
	}
	before := false
	if event.Previous != nil {
		if previous, ok := objectOf(event.Previous, w.c.kind); ok {
			before = w.selected.Matches(previous.Is)
		}
	}
	now := !event.Deleted && w.selected.Matches(object.Is)
	switch {
	case now && before:
		w.add(watch.Modified, object)
	case now:
		w.add(watch.Added, object)
	case before:
		w.add(watch.Deleted, object)
	}
}

func (w *watcher) add(happened watch.EventType, object *answer.Object) {
	w.known = max(w.known, revisionOf(object.Is))
	w.events.Add(happened, object)
}

// bookmark tells the client that it has seen everything up to a revision.
func (w *watcher) bookmark(revision store.Revision, annotations map[string]string) {
	w.known, w.marked = revision, time.Now()
	w.events.Bookmark(strconv.FormatInt(int64(revision), 10), annotations)
}
