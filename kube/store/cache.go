package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/google/btree"
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
	store  *Store
	decode Decode

	mu       sync.RWMutex
	items    *btree.BTreeG[*Item]
	revision Revision      // everything up to here is in items
	advanced chan struct{} // closed and replaced whenever revision grows
	history  history
	watchers map[*Watch]struct{}
}

// NewCache makes an empty cache: [Cache.Run] fills it.
func NewCache(store *Store, decode Decode) *Cache {
	return &Cache{
		store: store, decode: decode,
		items: newTree(), advanced: make(chan struct{}), watchers: map[*Watch]struct{}{},
	}
}

func newTree() *btree.BTreeG[*Item] {
	return btree.NewG(32, func(a, b *Item) bool { return a.Key < b.Key })
}

// Run follows the store until ctx is done. When etcd has forgotten the revision that the cache has come to
// (it was cut off for long), it begins anew, and every watcher must as well.
func (c *Cache) Run(ctx context.Context) {
	for ctx.Err() == nil {
		if err := c.follow(ctx); err != nil && ctx.Err() == nil {
			slog.Warn("will follow etcd anew", "error", err)
			select {
			case <-ctx.Done():
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dropWatchers()
}

func (c *Cache) follow(ctx context.Context) error {
	page, err := c.store.List(ctx, "/", 0, "", 0)
	if err != nil {
		return err
	}
	c.reset(page)
	ctx, cancel := context.WithCancel(clientv3.WithRequireLeader(ctx))
	defer cancel()
	changes := c.store.client.Watch(ctx, "/", clientv3.WithPrefix(), clientv3.WithRev(int64(page.Revision)+1),
		clientv3.WithFragment(), clientv3.WithProgressNotify())
	for answer := range changes {
		if err := answer.Err(); err != nil {
			return fmt.Errorf("watch etcd: %w", err)
		}
		c.apply(answer)
	}
	return errors.New("etcd ended the watch")
}

// reset makes the cache what a list found.
func (c *Cache) reset(page Page) {
	items := newTree()
	for _, record := range page.Records {
		items.ReplaceOrInsert(c.item(record))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dropWatchers()
	c.items = items
	c.history.reset(page.Revision)
	c.advance(page.Revision)
}

func (c *Cache) item(record Record) *Item {
	object, err := c.decode(record)
	if err != nil {
		slog.Error("a record cannot be read and is left out", "key", record.Key, "error", err)
	}
	return &Item{record, object}
}

// apply takes over what etcd reports. Decoding is done before the lock is taken.
func (c *Cache) apply(answer clientv3.WatchResponse) {
	events := make([]*Event, 0, len(answer.Events))
	for _, e := range answer.Events {
		record := Record{string(e.Kv.Key), e.Kv.Value, Revision(e.Kv.ModRevision), Revision(e.Kv.CreateRevision)}
		event := &Event{Revision: record.Revision, Deleted: e.Type == clientv3.EventTypeDelete}
		if event.Deleted {
			event.Item = &Item{Record: record}
		} else {
			event.Item = c.item(record)
		}
		events = append(events, event)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, event := range events {
		c.applyOne(event)
	}
	c.advance(Revision(answer.Header.Revision))
}

func (c *Cache) applyOne(event *Event) {
	if event.Deleted {
		previous, found := c.items.Delete(event.Item)
		if !found {
			return
		}
		event.Previous = previous
		last := previous.Record
		last.Revision = event.Revision
		event.Item = c.item(last)
	} else {
		event.Previous, _ = c.items.ReplaceOrInsert(event.Item)
	}
	c.history.add(event)
	for watcher := range c.watchers {
		if strings.HasPrefix(event.Item.Key, watcher.prefix) && !watcher.offer(event) {
			delete(c.watchers, watcher)
		}
	}
}

func (c *Cache) advance(revision Revision) {
	if revision > c.revision {
		c.revision = revision
		close(c.advanced)
		c.advanced = make(chan struct{})
	}
}

func (c *Cache) dropWatchers() {
	for watcher := range c.watchers {
		close(watcher.events)
	}
	clear(c.watchers)
}
