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
	// A lease takes what is written within leaseSpan, and leaseKeys keys or one change more. When it runs out, etcd deletes
	// all of it in one transaction, for which everybody waits: many small leases keep that to some milliseconds.
	leaseSpan = 30 * time.Second
	leaseKeys = 100
)

// expiry is the etcd lease that what expires is put under now.
type expiry struct {
	mu   sync.Mutex
	id   clientv3.LeaseID
	made time.Time
	keys int
}

// lease returns a lease for so many keys more.
func (e *expiry) lease(ctx context.Context, client *clientv3.Client, now time.Time, keys int) (clientv3.LeaseID, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.id == 0 || e.keys >= leaseKeys || now.Sub(e.made) >= leaseSpan {
		granted, err := client.Grant(ctx, int64((lifetime+leaseSpan)/time.Second))
		if err != nil {
			return 0, fmt.Errorf("take an etcd lease: %w", err)
		}
		e.id, e.made, e.keys = granted.ID, now, 0
	}
	e.keys += keys
	return e.id, nil
}

func (e *expiry) forget() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.id = 0
}
