package store

import (
	"slices"
	"sync"
)

// Log holds records in the order in which they were written. They are never changed; they expire, the
// oldest first. Readers come for them at their own pace: none of them keeps another waiting, and none is told of what expires.
type Log struct {
	mu    sync.RWMutex
	items []*Item          // nil: it is gone
	first int64            // the position of items[0]
	at    map[string]int64 // the position of a key
	bytes int
	grown chan struct{} // closed and replaced whenever there is more
	ended bool
}

// maxLog is how many bytes of values a log holds in memory. When there are more, the oldest are left out.
const maxLog = 128 << 20

// page is how many records a reader is given at once.
const page = 1000

func newLog(records []*Item) *Log {
	l := &Log{at: map[string]int64{}, grown: make(chan struct{})}
	slices.SortStableFunc(records, func(a, b *Item) int { return int(a.Revision - b.Revision) })
	for _, item := range records {
		l.put(item)
	}
	return l
}

// From returns records from a position on (0: the oldest) and the position behind them. more is closed when there are others. A
// log ends, and From returns false, when the cache had to begin anew: the reader must as well.
func (l *Log) From(position int64) (items []*Item, next int64, more <-chan struct{}, ok bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	from := max(position-l.first, 0)
	to := min(from+page, int64(len(l.items)))
	for _, item := range l.items[min(from, to):to] {
		if item != nil {
			items = append(items, item)
		}
	}
	return items, l.first + to, l.grown, !l.ended
}

// All returns every record.
func (l *Log) All() []*Item {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return slices.DeleteFunc(slices.Clone(l.items), func(item *Item) bool { return item == nil })
}

// commit takes over what etcd reports.
func (l *Log) commit(event *Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if event.Deleted { // it has expired
		l.remove(event.Item.Key)
		return
	}
	l.put(event.Item)
	close(l.grown)
	l.grown = make(chan struct{})
}

// put adds a record. One that was written before stays where it is.
func (l *Log) put(item *Item) {
	l.bytes += len(item.Value)
	if position, known := l.at[item.Key]; known {
		l.bytes -= len(l.items[position-l.first].Value)
		l.items[position-l.first] = item
		return
	}
	l.at[item.Key] = l.first + int64(len(l.items))
	l.items = append(l.items, item)
	for l.bytes > maxLog {
		l.remove(l.items[0].Key)
	}
}

func (l *Log) remove(key string) {
	position, known := l.at[key]
	if !known {
		return
	}
	i := position - l.first
	l.bytes -= len(l.items[i].Value)
	l.items[i] = nil
	delete(l.at, key)
	for len(l.items) > 0 && l.items[0] == nil {
		l.first++
		l.items = l.items[1:]
	}
}

// end tells the readers that there will be no more.
func (l *Log) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	close(l.grown)
	l.grown = make(chan struct{})
}
