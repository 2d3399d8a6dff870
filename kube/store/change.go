package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
)

// reconnectFast is for an etcd that is one process away: when it is back, so are we.
var reconnectFast = grpc.ConnectParams{
	Backoff:           backoff.Config{BaseDelay: 20 * time.Millisecond, Multiplier: 1.5, MaxDelay: 500 * time.Millisecond},
	MinConnectTimeout: time.Second,
}

// Change is one transaction: all of it happens or nothing, and only if every expectation holds.
type Change struct {
	Expect map[string]Revision // the revision of a key's last change; 0: there must be no such key
	Put    []Put
	Delete []string
}

// Put writes one key. One that expires is gone between one and two hours later.
type Put struct {
	Key     string
	Value   []byte
	Expires bool
}

// Commit carries out a change and returns its revision. It returns [ErrConflict] when an expectation
// does not hold. After any other error it is not known whether the change happened.
func (s *Store) Commit(ctx context.Context, change Change) (Revision, error) {
	revision, err := s.commit(ctx, change)
	if errors.Is(err, rpctypes.ErrLeaseNotFound) { // the lease ran out while nothing was written
		s.expiry.forget()
		revision, err = s.commit(ctx, change)
	}
	return revision, err
}

func (s *Store) commit(ctx context.Context, change Change) (Revision, error) {
	var conditions []clientv3.Cmp
	for key, revision := range change.Expect {
		conditions = append(conditions, clientv3.Compare(clientv3.ModRevision(key), "=", int64(revision)))
	}
	var operations []clientv3.Op
	for _, put := range change.Put {
		var options []clientv3.OpOption
		if put.Expires {
			lease, err := s.expiry.lease(ctx, s.client, time.Now())
			if err != nil {
				return 0, err
			}
			options = append(options, clientv3.WithLease(lease))
		}
		operations = append(operations, clientv3.OpPut(put.Key, string(put.Value), options...))
	}
	for _, key := range change.Delete {
		operations = append(operations, clientv3.OpDelete(key))
	}
	answer, err := s.client.Txn(ctx).If(conditions...).Then(operations...).Commit()
	if err != nil {
		return 0, fmt.Errorf("commit to etcd: %w", err)
	}
	if !answer.Succeeded {
		return 0, ErrConflict
	}
	return Revision(answer.Header.Revision), nil
}

// lifetime is how long what expires is kept at least.
const lifetime = time.Hour

// expiry shares one etcd lease among all that is written within an hour, so that ten thousand records need one.
type expiry struct {
	mu   sync.Mutex
	id   clientv3.LeaseID
	made time.Time
}

func (e *expiry) lease(ctx context.Context, client *clientv3.Client, now time.Time) (clientv3.LeaseID, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.id != 0 && now.Sub(e.made) < lifetime {
		return e.id, nil
	}
	granted, err := client.Grant(ctx, int64(2*lifetime/time.Second))
	if err != nil {
		return 0, fmt.Errorf("take an etcd lease: %w", err)
	}
	e.id, e.made = granted.ID, now
	return e.id, nil
}

func (e *expiry) forget() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.id = 0
}
