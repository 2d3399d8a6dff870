package store

import (
	"context"
	"fmt"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

const (
	// lifetime is how long what expires is kept at least.
	lifetime = time.Hour
	// A lease takes what is written within leaseSpan, and about leaseKeys keys and leaseBytes: at most twice as many, or one write. When it
	// runs out, etcd deletes all of it in one transaction, for which everybody waits, and each cache decodes all of it while nobody can
	// read: many small leases keep that to some milliseconds.
	leaseSpan  = 30 * time.Second
	leaseKeys  = 100
	leaseBytes = 256 << 10
)

// expiry is the etcd lease that what expires is put under now.
type expiry struct {
	mu       sync.Mutex
	id       clientv3.LeaseID
	made     time.Time
	holds    load
	renewing bool
}

// load is how much of what expires there is.
type load struct{ keys, bytes int }

func (l load) plus(more load) load  { return load{l.keys + more.keys, l.bytes + more.bytes} }
func (l load) fills(times int) bool { return l.keys >= times*leaseKeys || l.bytes >= times*leaseBytes }
func (l load) overfills(times int) bool {
	return l.keys > times*leaseKeys || l.bytes > times*leaseBytes
}

// lease returns a lease for so much more.
func (e *expiry) lease(ctx context.Context, client *clientv3.Client, now time.Time, more load) (clientv3.LeaseID, error) {
	id, renew := e.use(now, more)
	if !renew {
		return id, nil
	}
	granted, err := client.Grant(ctx, int64((lifetime+leaseSpan)/time.Second))
	if err != nil {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.renewing = false
		return 0, fmt.Errorf("take an etcd lease: %w", err)
	}
	e.renewed(granted.ID, now, more)
	return granted.ID, nil
}

// renewed notes a new lease, and what its first writer puts under it.
func (e *expiry) renewed(id clientv3.LeaseID, now time.Time, first load) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.renewing = false
	e.id, e.made, e.holds = id, now, first
}

// use returns the lease that is there, or says that the caller shall take a new one. While one writer does that, the others go on
// with the old lease, as long as it has room.
func (e *expiry) use(now time.Time, more load) (id clientv3.LeaseID, renew bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	due := e.holds.fills(1) || now.Sub(e.made) >= leaseSpan
	if e.id == 0 || due && !e.renewing || e.holds.plus(more).overfills(2) {
		e.renewing = true
		return 0, true
	}
	e.holds = e.holds.plus(more)
	return e.id, false
}

func (e *expiry) forget() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.id = 0
}
