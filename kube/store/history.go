package store

import (
	"slices"
	"sort"
	"strings"
)

// history is the recent past. It is kept for each resource apart, so that one that is written all the time (the leases of a
// thousand nodes) does not cost a quiet one its past.
type history struct {
	since     Revision // resources that have no ring of their own had no event since then
	bytes     int      // of all values
	resources map[string]*ring
}

// ring holds the events of one resource after a revision, oldest first.
type ring struct {
	since  Revision
	events []*Event
	bytes  int
}

const (
	remembered      = 4096     // events of each resource, at least
	rememberedBytes = 64 << 20 // of values, of all resources: before there are more, the largest is cut down
)

func (h *history) reset(revision Revision) {
	*h = history{since: revision, resources: map[string]*ring{}}
}

// resourceOf is how the keys of a resource begin: /registry/pods/ of /registry/pods/default/web.
func resourceOf(key string) string {
	slashes := 0
	for i, c := range key {
		if c == '/' {
			if slashes++; slashes == 3 {
				return key[:i+1]
			}
		}
	}
	return key[:strings.LastIndexByte(key, '/')+1]
}

func (h *history) add(event *Event) {
	r := h.ring(event.Item.Key)
	r.events = append(r.events, event)
	h.count(r, len(event.Item.Value))
	if len(r.events) > 2*remembered {
		h.cut(r, remembered)
	}
	for h.bytes > rememberedBytes {
		h.cut(h.largest())
	}
}

func (h *history) ring(key string) *ring {
	resource := resourceOf(key)
	r := h.resources[resource]
	if r == nil {
		r = &ring{since: h.since}
		h.resources[resource] = r
	}
	return r
}

func (h *history) count(r *ring, bytes int) {
	r.bytes += bytes
	h.bytes += bytes
}

// cut leaves a ring its newest events, and with one revision all of its events or none.
func (h *history) cut(r *ring, keep int) {
	gone := len(r.events) - keep
	r.since = r.events[gone-1].Revision
	for gone < len(r.events) && r.events[gone].Revision == r.since {
		gone++
	}
	for _, event := range r.events[:gone] {
		h.count(r, -len(event.Item.Value))
	}
	r.events = slices.Clone(r.events[gone:])
}

func (h *history) largest() (r *ring, half int) {
	for _, other := range h.resources {
		if r == nil || other.bytes > r.bytes {
			r = other
		}
	}
	return r, len(r.events) / 2
}

// prepend takes in what happened after since and before all that is known. A ring that has lost a part of what is known stays
// as it is.
func (h *history) prepend(since Revision, events []*Event) {
	known := h.since
	h.since = since
	older := map[*ring][]*Event{}
	for _, event := range events {
		resource := resourceOf(event.Item.Key)
		if h.resources[resource] == nil {
			h.resources[resource] = &ring{since: known}
		}
		r := h.resources[resource]
		if r.since == known {
			older[r] = append(older[r], event)
		}
	}
	for _, r := range h.resources {
		if r.since == known {
			r.since = since
			r.events = append(older[r], r.events...)
			for _, event := range older[r] {
				h.count(r, len(event.Item.Value))
			}
		}
		if len(r.events) > 2*remembered {
			h.cut(r, remembered)
		}
	}
	for h.bytes > rememberedBytes {
		h.cut(h.largest())
	}
}

// after returns the events under a prefix after a revision, or [ErrTooOld] when some of them are forgotten.
func (h *history) after(revision Revision, prefix string) ([]*Event, error) {
	if revision < h.since {
		return nil, ErrTooOld
	}
	var found []*Event
	rings := 0
	for resource, r := range h.resources {
		if !strings.HasPrefix(prefix, resource) && !strings.HasPrefix(resource, prefix) {
			continue
		}
		if revision < r.since {
			return nil, ErrTooOld
		}
		rings++
		first := sort.Search(len(r.events), func(i int) bool { return r.events[i].Revision > revision })
		for _, event := range r.events[first:] {
			if strings.HasPrefix(event.Item.Key, prefix) {
				found = append(found, event)
			}
		}
	}
	if rings > 1 {
		slices.SortStableFunc(found, func(a, b *Event) int { return int(a.Revision - b.Revision) })
	}
	return found, nil
}
