package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/btree"
)

// Peek returns the record that the cache has under key, or nil. It may be behind the store.
func (c *Cache) Peek(key string) *Item {
	c.mu.RLock()
	defer c.mu.RUnlock()
	item, _ := c.items.Get(&Item{Record: Record{Key: key}})
	return item
}

// Fresh waits until the cache holds every write that was acknowledged before the call.
func (c *Cache) Fresh(ctx context.Context) error {
	now, err := c.store.Revision(ctx)
	if err != nil {
		return err
	}
	return c.Reach(ctx, now)
}

// Reach waits until the cache holds the given revision.
func (c *Cache) Reach(ctx context.Context, revision Revision) error {
	for {
		c.mu.RLock()
		have, advanced := c.revision, c.advanced
		c.mu.RUnlock()
		if have >= revision && have > 0 {
			return nil
		}
		select {
		case <-advanced:
		case <-ctx.Done():
			return fmt.Errorf("wait for revision %d, have %d: %w", revision, have, ErrTooNew)
		}
	}
}

// Revision is how far the cache has come. Zero: it has not begun.
func (c *Cache) Revision() Revision {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.revision
}

// List returns the records under prefix in the order of their keys, and the revision that they are of.
func (c *Cache) List(prefix string) ([]*Item, Revision) {
	c.mu.Lock() // Clone writes to the tree
	items, revision := c.items.Clone(), c.revision
	c.mu.Unlock()
	return under(items, prefix), revision
}

func under(items *btree.BTreeG[*Item], prefix string) []*Item {
	var found []*Item
	items.AscendGreaterOrEqual(&Item{Record: Record{Key: prefix}}, func(item *Item) bool {
		if !strings.HasPrefix(item.Key, prefix) {
			return false
		}
		found = append(found, item)
		return true
	})
	return found
}
