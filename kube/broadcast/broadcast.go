// Package broadcast tells everybody who listens the same news, in the order in which it came.
//
// Each listener has a queue of its own, so none waits for another, and whoever has news waits for nobody. That a listener who does not
// read cannot fill the memory, its queue may have a bound: who exceeds it is cut off and told so, and has to look up what there is.
package broadcast

import (
	"errors"
	"sync"
)

// ErrMissed says that a listener has missed news: more than the bound came while it did not read.
var ErrMissed = errors.New("too much news was not read")

// Broadcaster hands out news of one type. The zero value is ready, and has no bound.
type Broadcaster[T any] struct {
	// Bound is how much news is kept for a listener that does not read; zero: any.
	Bound int

	mu        sync.Mutex
	listeners map[*Listener[T]]bool
}

// Listener is somebody who hears of all that is published, from [Broadcaster.Listen] to [Listener.Close].
type Listener[T any] struct {
	from    *Broadcaster[T]
	wake    chan struct{}
	waiting []T // guarded by the broadcaster's lock, as is missed
	missed  bool
}

// Listen adds a listener. The caller closes it.
func (b *Broadcaster[T]) Listen() *Listener[T] {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := &Listener[T]{from: b, wake: make(chan struct{}, 1)}
	if b.listeners == nil {
		b.listeners = map[*Listener[T]]bool{}
	}
	b.listeners[l] = true
	return l
}

// Publish tells all listeners. It never blocks.
func (b *Broadcaster[T]) Publish(news T) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for l := range b.listeners {
		if l.missed {
			continue
		}
		if l.waiting = append(l.waiting, news); b.Bound > 0 && len(l.waiting) > b.Bound {
			l.waiting, l.missed = nil, true
		}
		select {
		case l.wake <- struct{}{}:
		default: // it has been woken and has not looked yet
		}
	}
}

// Wake says when to Take.
func (l *Listener[T]) Wake() <-chan struct{} { return l.wake }

// Take returns the news since the last call, oldest first, which may be none. From [ErrMissed] on there is no more.
func (l *Listener[T]) Take() ([]T, error) {
	l.from.mu.Lock()
	defer l.from.mu.Unlock()
	if l.missed {
		return nil, ErrMissed
	}
	waiting := l.waiting
	l.waiting = nil
	return waiting, nil
}

// Close ends it.
func (l *Listener[T]) Close() {
	l.from.mu.Lock()
	defer l.from.mu.Unlock()
	delete(l.from.listeners, l)
}
