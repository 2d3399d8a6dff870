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
	// A lease takes what is written within leaseSpan, and about leaseKeys keys: at most twice as many. When it runs out, etcd
	// deletes all of it in one transaction, for which everybody waits: many small leases keep that to some milliseconds.
	leaseSpan = 30 * time.Second
	leaseKeys = 100
)

// expiry is the etcd lease that what expires is put under now.
type expiry struct {
	mu       sync.Mutex
	id       clientv3.LeaseID
	made     time.Time
	keys     int
	renewing bool
}

// lease returns a lease for so many keys more.
func (e *expiry) lease(ctx context.Context, client *clientv3.Client, now time.Time, keys int) (clientv3.LeaseID, error) {
	id, renew := e.use(now, keys)
	if !renew {
		return id, nil
	}
	granted, err := client.Grant(ctx, int64((lifetime+leaseSpan)/time.Second))
	e.mu.Lock()
	defer e.mu.Unlock()
	e.renewing = false
	if err != nil {
		return 0, fmt.Errorf("take an etcd lease: %w", err)
	}
	e.id, e.made, e.keys = granted.ID, now, keys
	return e.id, nil
}

// use returns the lease that is there, or says that the caller shall take a new one. While one writer does that, the others go on
// with the old lease, as long as it has room.
func (e *expiry) use(now time.Time, keys int) (id clientv3.LeaseID, renew bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	due := e.keys >= leaseKeys || now.Sub(e.made) >= leaseSpan
	if e.id == 0 || due && !e.renewing || e.keys+keys > 2*leaseKeys {
		e.renewing = true
		return 0, true
	}
	e.keys += keys
	return e.id, false
}

func (e *expiry) forget() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.id = 0
}
