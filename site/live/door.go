package live

import (
	"context"
	"sync"
	"time"
)

// door is the API server as seen from outside: whether it answers. Everybody who needs it waits here while it does not,
// in place of knocking each on his own.
type door struct {
	notice func(level, text string)
	look   chan struct{} // somebody was turned away

	mu   sync.Mutex
	open chan struct{} // closed while it answers
	shut bool
}

func newDoor(notice func(level, text string)) *door {
	return &door{notice: notice, look: make(chan struct{}, 1), open: make(chan struct{}), shut: true}
}

// How often the door is looked at, and how long an answer may take.
const (
	lookEvery = time.Second
	lookAgain = 200 * time.Millisecond // while it does not answer, and after somebody was turned away
	answerIn  = 2 * time.Second
)

// watch asks until ctx is done.
func (d *door) watch(ctx context.Context, ask func(context.Context) error) {
	said := false // that it does not answer
	for ctx.Err() == nil {
		limited, cancel := context.WithTimeout(ctx, answerIn)
		err := ask(limited)
		cancel()
		if ctx.Err() != nil {
			return
		}
		d.set(err == nil)
		switch {
		case err != nil && !said:
			d.notice("error", "The API server does not answer; objects are shown as they were. It said: "+err.Error())
		case err == nil && said:
			d.notice("clear", "")
		}
		said = err != nil
		pause := lookEvery
		if said {
			pause = lookAgain
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		case <-d.look:
		}
	}
}

func (d *door) set(open bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case open && d.shut:
		close(d.open)
	case !open && !d.shut:
		d.open = make(chan struct{})
	}
	d.shut = !open
}

// pass waits until the server answers. It returns false when ctx is done.
func (d *door) pass(ctx context.Context) bool {
	d.mu.Lock()
	open := d.open
	d.mu.Unlock()
	select {
	case <-ctx.Done():
		return false
	case <-open:
		return ctx.Err() == nil
	}
}

// failed says that a request was turned away, and waits a moment: the server may only just have gone.
func (d *door) failed(ctx context.Context) {
	select {
	case d.look <- struct{}{}:
	default:
	}
	select {
	case <-ctx.Done():
	case <-time.After(lookAgain):
	}
}
