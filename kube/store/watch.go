package store

import (
	"context"
	"errors"
)

// Event is one change of one record.
type Event struct {
	Revision Revision
	Deleted  bool
	Item     *Item // the record after the change; of a deleted one, what it was
	Previous *Item // the record before; nil: it is new
}

// Watch is one watcher's stream of events.
type Watch struct {
	prefix string
	events chan *Event
	cache  *Cache
}

// pending is how many events a watcher may be behind before it is cut off.
const pending = 2048

// Events brings each change once, in order. It is closed when the watcher was too slow or the cache had
// to begin anew: watch again, from the last revision seen.
func (w *Watch) Events() <-chan *Event { return w.events }

// Stop ends the watch.
func (w *Watch) Stop() {
	w.cache.mu.Lock()
	defer w.cache.mu.Unlock()
	delete(w.cache.watchers, w)
}

// offer hands over an event without waiting. A watcher that is too far behind is closed.
func (w *Watch) offer(event *Event) bool {
	select {
	case w.events <- event:
		return true
	default:
		close(w.events)
		return false
	}
}

// Watch brings every change under prefix after a revision. It returns [ErrTooOld] when neither the cache nor, when it began,
// etcd still knew all of them.
func (c *Cache) Watch(ctx context.Context, prefix string, after Revision) (*Watch, error) {
	watch, recalled, err := c.tryWatch(prefix, after)
	if !errors.Is(err, ErrTooOld) {
		return watch, err
	}
	select {
	case <-recalled:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	watch, _, err = c.tryWatch(prefix, after)
	return watch, err
}

// tryWatch also returns the channel that is closed when the past has been read, or could not be.
func (c *Cache) tryWatch(prefix string, after Revision) (*Watch, <-chan struct{}, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	missed, err := c.history.after(after, prefix)
	if err != nil {
		return nil, c.recalled, err
	}
	return c.watch(prefix, missed), c.recalled, nil
}

// ListAndWatch returns what is under prefix, and a watch of everything that changes after.
func (c *Cache) ListAndWatch(prefix string) ([]*Item, Revision, *Watch) {
	c.mu.Lock()
	watch, revision := c.watch(prefix, nil), c.revision
	items := c.items.Clone()
	c.mu.Unlock()
	return under(items, prefix), revision, watch
}

func (c *Cache) watch(prefix string, missed []*Event) *Watch {
	w := &Watch{prefix: prefix, cache: c, events: make(chan *Event, pending+len(missed))}
	for _, event := range missed {
		w.events <- event
	}
	c.watchers[w] = struct{}{}
	return w
}
