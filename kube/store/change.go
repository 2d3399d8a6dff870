package store

import (
	"context"
	"errors"
	"fmt"
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

// Put writes one key. One that expires is gone an hour later, or some seconds more.
type Put struct {
	Key     string
	Value   []byte
	Expires bool
}

// Commit carries out a change and returns its revision. It returns [ErrConflict] when an expectation
// does not hold, and [ErrTooMuch] where it is too large. After any other error it is not known whether the change happened.
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
	lease, err := s.leaseFor(ctx, change)
	if err != nil {
		return 0, err
	}
	var operations []clientv3.Op
	for _, put := range change.Put {
		var options []clientv3.OpOption
		if put.Expires {
			options = append(options, clientv3.WithLease(lease))
		}
		operations = append(operations, clientv3.OpPut(put.Key, string(put.Value), options...))
	}
	for _, key := range change.Delete {
		operations = append(operations, clientv3.OpDelete(key))
	}
	answer, err := s.client.Txn(ctx).If(conditions...).Then(operations...).Commit()
	if errors.Is(err, rpctypes.ErrTooManyOps) || errors.Is(err, rpctypes.ErrRequestTooLarge) {
		return 0, fmt.Errorf("%w: %w", ErrTooMuch, err)
	}
	if err != nil {
		return 0, fmt.Errorf("commit to etcd: %w", err)
	}
	if !answer.Succeeded {
		return 0, ErrConflict
	}
	return Revision(answer.Header.Revision), nil
}

// leaseFor is the lease of what expires in a change; 0 if nothing does.
func (s *Store) leaseFor(ctx context.Context, change Change) (clientv3.LeaseID, error) {
	var expires load
	for _, put := range change.Put {
		if put.Expires {
			expires = expires.plus(load{1, len(put.Key) + len(put.Value)})
		}
	}
	if expires.keys == 0 {
		return 0, nil
	}
	return s.expiry.lease(ctx, s.client, time.Now(), expires)
}
