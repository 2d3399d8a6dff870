package store

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
)

// Revision is etcd's counter of transactions. Kubernetes calls it the resourceVersion.
type Revision int64

// Record is a key with its value.
type Record struct {
	Key      string
	Value    []byte
	Revision Revision // of the last change
	Created  Revision // of the first
}

func recordOf(kv *mvccpb.KeyValue) Record {
	return Record{string(kv.Key), kv.Value, Revision(kv.ModRevision), Revision(kv.CreateRevision)}
}

var (
	// ErrNotFound says that there is no record with this key.
	ErrNotFound = errors.New("no such key")
	// ErrConflict says that a record is not at the revision that a change expected.
	ErrConflict = errors.New("the record has changed")
	// ErrTooMuch says that etcd will not take a change for its size, now or later.
	ErrTooMuch = errors.New("the change is too large")
	// ErrTooOld says that the revision asked for has been compacted away.
	ErrTooOld = errors.New("the revision is too old")
	// ErrTooNew says that the revision asked for does not exist yet.
	ErrTooNew = errors.New("the revision is too new")
)

// Store reads and writes etcd.
type Store struct {
	client *clientv3.Client
	expiry expiry
}

// Open makes a store. Nothing is sent yet: an etcd that is down is no error here.
func Open(endpoints []string, tls *tls.Config) (*Store, error) {
	client, err := clientv3.New(clientv3.Config{
		Endpoints: endpoints, TLS: tls, Logger: zap.NewNop(),
		DialTimeout: 2 * time.Second, DialKeepAliveTime: 10 * time.Second, DialKeepAliveTimeout: 3 * time.Second,
		BackoffWaitBetween: 10 * time.Millisecond,
		DialOptions:        []grpc.DialOption{grpc.WithConnectParams(reconnectFast)},
	})
	if err != nil {
		return nil, fmt.Errorf("make etcd client: %w", err)
	}
	return &Store{client: client}, nil
}

// Close ends the connection.
func (s *Store) Close() error { return s.client.Close() }

// Get reads one record as it is now. It returns [ErrNotFound] where there is none.
func (s *Store) Get(ctx context.Context, key string) (Record, error) {
	answer, err := s.client.Get(ctx, key)
	if err != nil {
		return Record{}, fmt.Errorf("read %s: %w", key, err)
	}
	if len(answer.Kvs) == 0 {
		return Record{}, fmt.Errorf("read %s: %w", key, ErrNotFound)
	}
	return recordOf(answer.Kvs[0]), nil
}

// Page is a part of a list.
type Page struct {
	Records  []Record
	Revision Revision // at which the whole list is read
	More     int64    // records that follow
}

// List reads the records whose keys begin with prefix, in the order of their keys: at most limit of them
// (0: all), after the key "after" (empty: from the first), as they were at a revision (0: now).
func (s *Store) List(ctx context.Context, prefix string, limit int64, after string, at Revision) (Page, error) {
	from := prefix
	if after != "" {
		from = after + "\x00"
	}
	answer, err := s.client.Get(ctx, from, clientv3.WithRange(clientv3.GetPrefixRangeEnd(prefix)),
		clientv3.WithLimit(limit), clientv3.WithRev(int64(at)))
	switch {
	case errors.Is(err, rpctypes.ErrCompacted):
		return Page{}, fmt.Errorf("list %s at revision %d: %w", prefix, at, ErrTooOld)
	case errors.Is(err, rpctypes.ErrFutureRev):
		return Page{}, fmt.Errorf("list %s at revision %d: %w", prefix, at, ErrTooNew)
	case err != nil:
		return Page{}, fmt.Errorf("list %s: %w", prefix, err)
	}
	page := Page{Revision: Revision(answer.Header.Revision), More: answer.Count - int64(len(answer.Kvs))}
	if at != 0 {
		page.Revision = at
	}
	for _, kv := range answer.Kvs {
		page.Records = append(page.Records, recordOf(kv))
	}
	return page, nil
}

// Revision asks etcd for its present revision. Every write that was acknowledged before is in it.
func (s *Store) Revision(ctx context.Context) (Revision, error) {
	answer, err := s.client.Get(ctx, "/", clientv3.WithCountOnly())
	if err != nil {
		return 0, fmt.Errorf("ask etcd for its revision: %w", err)
	}
	return Revision(answer.Header.Revision), nil
}
