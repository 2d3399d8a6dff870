package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/btree"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// Item is a record in the cache. It is shared: nobody may change it.
type Item struct {
	Record
	Object any // what Decode made of the value
}

// Decode makes a record into what the readers of a cache want. It is called once for each revision of a
// record, and for a deleted record with the value that it last had and the revision of its deletion.
type Decode func(Record) (any, error)

// Cache holds everything that is in the store.
type Cache struct {
	store     *Store
	decode    Decode
	logPrefix string

	mu       sync.RWMutex
	items    *btree.BTreeG[*Item]
	revision Revision      // everything up to here is in items
	advanced chan struct{} // closed and replaced whenever revision grows
	history  history
	recalled chan struct{} // closed when history goes back as far as it can
	log      *Log
	watchers map[*Watch]struct{}
}

// NewCache makes an empty cache: [Cache.Run] fills it. What is under the prefix of the log is in [Cache.Log] and nowhere else.
func NewCache(store *Store, logPrefix string, decode Decode) *Cache {
	return &Cache{
		store: store, decode: decode, logPrefix: logPrefix, log: newLog(nil), recalled: make(chan struct{}),
		items: newTree(), advanced: make(chan struct{}), watchers: map[*Watch]struct{}{},
	}
}

// Log is the log as far as the cache has come.
func (c *Cache) Log() *Log {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.log
}

func newTree() *btree.BTreeG[*Item] {
	return btree.NewG(32, func(a, b *Item) bool { return a.Key < b.Key })
}

// errGap says that etcd cannot go on from the revision that the cache holds.
var errGap = errors.New("etcd does not have what follows the cache's revision")

// Run follows the store until ctx is done. After a break it goes on from the revision that it had come to, and no
// watcher notices. Only when etcd does not have that revision (the cache was cut off for longer than the history that etcd
// keeps) it begins anew, and every watcher must as well.
func (c *Cache) Run(ctx context.Context) {
	var recalling sync.WaitGroup
	defer recalling.Wait()
	for known := false; ctx.Err() == nil; {
		var err error
		if !known {
			recalling.Wait()
			if err = c.read(ctx); err == nil {
				known = true
				revision := c.Revision()
				recalling.Go(func() { c.recall(ctx, revision) })
			}
		}
		if known {
			err = c.follow(ctx)
			known = !errors.Is(err, errGap)
		}
		if err != nil && ctx.Err() == nil {
			slog.Warn("will follow etcd again", "error", err)
			select {
			case <-ctx.Done():
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dropReaders()
}

// read makes the cache what is in the store now.
func (c *Cache) read(ctx context.Context) error {
	page, err := c.store.List(ctx, "/", 0, "", 0)
	if err != nil {
		return err
	}
	items, logged := newTree(), []*Item(nil)
	for _, record := range page.Records {
		item := c.item(record)
		if c.isLogged(record.Key) {
			logged = append(logged, item)
		} else {
			items.ReplaceOrInsert(item)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dropReaders()
	c.items, c.log, c.recalled = items, newLog(logged), make(chan struct{})
	c.history.reset(page.Revision)
	c.setRevision(page.Revision)
	return nil
}

// follow takes over what happens in etcd after the cache's revision. It returns [errGap] when the cache must be read anew.
func (c *Cache) follow(ctx context.Context) error {
	have := c.Revision()
	now, err := c.store.Revision(ctx)
	if err != nil {
		return err
	}
	if now < have { // restored from a backup; a watch would wait until it has come as far as the cache
		return fmt.Errorf("etcd is at revision %d, the cache at %d: %w", now, have, errGap)
	}
	ctx, cancel := context.WithCancel(clientv3.WithRequireLeader(ctx))
	defer cancel()
	changes := c.store.client.Watch(ctx, "/", clientv3.WithPrefix(), clientv3.WithRev(int64(have)+1),
		clientv3.WithFragment(), clientv3.WithProgressNotify())
	for answer := range changes {
		switch err := answer.Err(); {
		case errors.Is(err, rpctypes.ErrCompacted):
			return fmt.Errorf("etcd has compacted revision %d, the cache is at %d: %w", answer.CompactRevision, c.Revision(), errGap)
		case err != nil:
			return fmt.Errorf("watch etcd: %w", err)
		}
		c.apply(answer)
	}
	return errors.New("etcd ended the watch")
}

func (c *Cache) item(record Record) *Item {
	object, err := c.decode(record)
	if err != nil {
		slog.Error("a record cannot be read and is left out", "key", record.Key, "error", err)
	}
	return &Item{record, object}
}

// apply takes over what etcd reports. The header says how far etcd has come, not what it has told: to a cache that
// is behind it reports a thousand revisions at a time. So the cache has come as far as the last event. etcd never parts the
// events of one revision.
func (c *Cache) apply(answer clientv3.WatchResponse) {
	if answer.IsProgressNotify() {
		c.commit(nil, Revision(answer.Header.Revision))
	}
	for events := c.events(answer.Events); len(events) > 0; {
		revision := events[0].Revision
		next := slices.IndexFunc(events, func(e *Event) bool { return e.Revision > revision })
		if next < 0 {
			next = len(events)
		}
		c.commit(events[:next], revision)
		events = events[next:]
	}
}

// events decodes what etcd reports. It does so without the lock: nobody but the caller changes the items.
func (c *Cache) events(reported []*clientv3.Event) []*Event {
	events := make([]*Event, 0, len(reported))
	now := map[string]*Item{} // what the events before made of a key; nil: it is deleted
	for _, e := range reported {
		record := recordOf(e.Kv)
		if c.isLogged(record.Key) {
			events = append(events, c.logEvent(e, record))
			continue
		}
		previous, changed := now[record.Key]
		if !changed {
			previous = c.Peek(record.Key)
		}
		event := &Event{Revision: record.Revision, Deleted: e.Type == clientv3.EventTypeDelete, Previous: previous}
		if event.Deleted && previous != nil {
			record = previous.Record
			record.Revision = event.Revision
		}
		event.Item = c.item(record)
		now[record.Key] = event.Item
		if event.Deleted {
			now[record.Key] = nil
		}
		events = append(events, event)
	}
	return events
}

func (c *Cache) isLogged(key string) bool { return strings.HasPrefix(key, c.logPrefix) }

// logEvent decodes a record of the log; of one that expires its key is enough.
func (c *Cache) logEvent(e *clientv3.Event, record Record) *Event {
	if e.Type == clientv3.EventTypeDelete {
		return &Event{Revision: record.Revision, Deleted: true, Item: &Item{Record: record}}
	}
	return &Event{Revision: record.Revision, Item: c.item(record)}
}

// commit takes over the events of one revision, all at once.
func (c *Cache) commit(events []*Event, revision Revision) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, event := range events {
		switch {
		case c.isLogged(event.Item.Key):
			c.log.commit(event)
		case event.Deleted:
			c.items.Delete(event.Item)
			c.tell(event)
		default:
			c.items.ReplaceOrInsert(event.Item)
			c.tell(event)
		}
	}
	if revision > c.revision {
		c.setRevision(revision)
	}
}

// tell gives an event to those who watch, and keeps it for those who will ask.
func (c *Cache) tell(event *Event) {
	c.history.add(event)
	for watcher := range c.watchers {
		if strings.HasPrefix(event.Item.Key, watcher.prefix) && !watcher.offer(event) {
			delete(c.watchers, watcher)
		}
	}
}

func (c *Cache) setRevision(revision Revision) {
	c.revision = revision
	close(c.advanced)
	c.advanced = make(chan struct{})
}

// dropReaders ends every watch and the log.
func (c *Cache) dropReaders() {
	c.log.end()
	for watcher := range c.watchers {
		close(watcher.events)
	}
	clear(c.watchers)
}
