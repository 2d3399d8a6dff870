package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// recalled is how many revisions a cache that begins reads of the past, so that the watchers of the one before it go on where
// they were.
const recalled = 10_000

// recall reads from etcd what happened up to the revision at which the cache was read.
func (c *Cache) recall(ctx context.Context, to Revision) {
	since, events, err := c.past(ctx, max(to-recalled, 0), to)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil && c.history.since == to {
		c.history.prepend(since, events)
	}
	if err != nil && ctx.Err() == nil {
		slog.Warn("watchers from before this process must list again", "error", err)
	}
	close(c.recalled)
}

// past returns the events after since, up to a revision. Where etcd has forgotten some, it begins later.
func (c *Cache) past(ctx context.Context, since, to Revision) (Revision, []*Event, error) {
	ctx, cancel := context.WithCancel(clientv3.WithRequireLeader(ctx))
	defer cancel()
	p := past{cache: c, since: since, newest: map[string]*Item{}}
	for since < to {
		for answer := range c.store.client.Watch(ctx, "/", clientv3.WithPrefix(), clientv3.WithRev(int64(since)+1), clientv3.WithPrevKV(), clientv3.WithFragment()) {
			if errors.Is(answer.Err(), rpctypes.ErrCompacted) {
				since = Revision(answer.CompactRevision)
				p.forget(since)
				break
			}
			if err := answer.Err(); err != nil {
				return 0, nil, fmt.Errorf("read the past from etcd: %w", err)
			}
			for _, e := range answer.Events {
				if since = Revision(e.Kv.ModRevision); since > to {
					break
				}
				p.add(e)
			}
			if since >= to {
				break
			}
		}
		if ctx.Err() != nil {
			return 0, nil, ctx.Err()
		}
	}
	return p.since, p.events, nil
}

// past gathers events.
type past struct {
	cache  *Cache
	since  Revision
	events []*Event
	newest map[string]*Item // of each key, the last one gathered
}

func (p *past) forget(revision Revision) {
	p.since, p.events = max(p.since, revision), nil
}

func (p *past) add(e *clientv3.Event) {
	if p.cache.isLogged(string(e.Kv.Key)) {
		return
	}
	event := &Event{Revision: Revision(e.Kv.ModRevision), Deleted: e.Type == clientv3.EventTypeDelete}
	if e.PrevKv != nil {
		event.Previous = p.item(recordOf(e.PrevKv))
	} else if !e.IsCreate() { // compacted this very moment: who has not seen this event cannot be told it
		p.forget(event.Revision)
		return
	}
	record := recordOf(e.Kv)
	if event.Deleted {
		record = event.Previous.Record
		record.Revision = event.Revision
	}
	event.Item = p.item(record)
	p.newest[record.Key] = event.Item
	p.events = append(p.events, event)
}

// item decodes a record that is not decoded yet.
func (p *past) item(record Record) *Item {
	if item := p.newest[record.Key]; item != nil && item.Revision == record.Revision {
		return item
	}
	if item := p.cache.Peek(record.Key); item != nil && item.Revision == record.Revision {
		return item
	}
	return p.cache.item(record)
}
