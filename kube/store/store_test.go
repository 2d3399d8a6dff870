package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"kubelab/kube/store"
	"kubelab/kube/store/storetest"
)

func put(t testing.TB, s *store.Store, key, value string) store.Revision {
	t.Helper()
	revision, err := s.Commit(t.Context(), store.Change{Put: []store.Put{{Key: key, Value: []byte(value)}}})
	if err != nil {
		t.Fatal(err)
	}
	return revision
}

// logged is the prefix of the log.
const logged = "/steps/"

func startCache(t *testing.T, s *store.Store) *store.Cache {
	t.Helper()
	cache := store.NewCache(s, logged, func(r store.Record) (any, error) { return string(r.Value), nil })
	t.Cleanup(run(cache))
	if err := cache.Fresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	return cache
}

func TestOfTwoWritersThatReadTheSameRevisionOneIsRefused(t *testing.T) {
	s := storetest.Start(t)
	read := put(t, s, "/a", "1")
	write := func(value string) error {
		_, err := s.Commit(t.Context(), store.Change{
			Expect: map[string]store.Revision{"/a": read},
			Put:    []store.Put{{Key: "/a", Value: []byte(value)}},
		})
		return err
	}
	if err := write("first"); err != nil {
		t.Fatal(err)
	}
	if err := write("second"); !errors.Is(err, store.ErrConflict) {
		t.Fatalf("the second writer got %v, want ErrConflict", err)
	}
	record, err := s.Get(t.Context(), "/a")
	if err != nil || string(record.Value) != "first" {
		t.Fatalf("got %q, %v", record.Value, err)
	}
}

func TestAChangeHappensAsAWholeOrNotAtAll(t *testing.T) {
	s := storetest.Start(t)
	put(t, s, "/claims/10.96.0.7", "a service")
	_, err := s.Commit(t.Context(), store.Change{
		Expect: map[string]store.Revision{"/services/b": 0, "/claims/10.96.0.7": 0},
		Put:    []store.Put{{Key: "/services/b", Value: []byte("b")}, {Key: "/claims/10.96.0.7", Value: []byte("b")}},
	})
	if !errors.Is(err, store.ErrConflict) {
		t.Fatalf("got %v, want ErrConflict", err)
	}
	if _, err := s.Get(t.Context(), "/services/b"); !errors.Is(err, store.ErrNotFound) {
		t.Fatalf("half of the change happened: %v", err)
	}
}

func TestAFreshCacheHoldsEveryWriteThatWasAcknowledged(t *testing.T) {
	s := storetest.Start(t)
	cache := startCache(t, s)
	for i := range 50 {
		put(t, s, fmt.Sprintf("/x/%02d", i), "value")
		if err := cache.Fresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if items, _ := cache.List("/x/"); len(items) != i+1 {
			t.Fatalf("after %d writes the cache has %d", i+1, len(items))
		}
	}
}

func TestAWatchDeliversEachChangeOnceAndInOrder(t *testing.T) {
	s := storetest.Start(t)
	cache := startCache(t, s)
	_, from := cache.List("/x/")
	early, err := cache.Watch(t.Context(), "/x/", from)
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, "/x/a", "1")
	put(t, s, "/y/a", "not asked for")
	put(t, s, "/x/a", "2")
	deleted, err := s.Commit(t.Context(), store.Change{Delete: []string{"/x/a"}})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"put 1", "put 2", "deleted 2"}
	if diff := cmp.Diff(want, take(t, early, 3, deleted)); diff != "" {
		t.Errorf("a watcher from the start (-want +got):\n%s", diff)
	}
	late, err := cache.Watch(t.Context(), "/x/", from)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, take(t, late, 3, deleted)); diff != "" {
		t.Errorf("a watcher that came back later (-want +got):\n%s", diff)
	}
}

// take reads n events; the last must be of the given revision.
func take(t *testing.T, watch *store.Watch, n int, last store.Revision) []string {
	t.Helper()
	var texts []string
	for len(texts) < n {
		select {
		case event, open := <-watch.Events():
			if !open {
				t.Fatalf("the watch ended after %q", texts)
			}
			what := "put"
			if event.Deleted {
				what = "deleted"
			}
			texts = append(texts, fmt.Sprintf("%s %s", what, event.Item.Object))
			if len(texts) == n && event.Revision != last {
				t.Errorf("the last event is of revision %d, want %d", event.Revision, last)
			}
		case <-time.After(5 * time.Second):
			t.Fatalf("after 5 s there are only %q", texts)
		}
	}
	return texts
}

func TestAWatchGoesOnFromARevisionOfBeforeTheCacheBegan(t *testing.T) {
	etcd := storetest.StartMembers(t, 1)
	s := etcd.Open()
	forgotten := put(t, s, "/x/a", "1")
	put(t, s, "/x/a", "2")
	seen := put(t, s, "/x/b", "3")
	etcd.Compact(seen)
	put(t, s, "/x/a", "4")
	put(t, s, "/steps/a", "not an object")
	deleted, err := s.Commit(t.Context(), store.Change{Delete: []string{"/x/b"}})
	if err != nil {
		t.Fatal(err)
	}
	cache := startCache(t, s)
	watch, err := cache.Watch(t.Context(), "/x/", seen)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"put 4", "deleted 3"}, take(t, watch, 2, deleted)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := cache.Watch(t.Context(), "/x/", forgotten); !errors.Is(err, store.ErrTooOld) {
		t.Errorf("from before what etcd still knows: got %v, want ErrTooOld", err)
	}
}

func TestAWatcherThatDoesNotReadIsCutOffAndDisturbsNobody(t *testing.T) {
	s := storetest.Start(t)
	cache := startCache(t, s)
	_, from := cache.List("/")
	asleep, err := cache.Watch(t.Context(), "/", from)
	if err != nil {
		t.Fatal(err)
	}
	var last store.Revision
	for i := range 30 { // in transactions of 100: more than a watcher may be behind
		var change store.Change
		for j := range 100 {
			change.Put = append(change.Put, store.Put{Key: fmt.Sprintf("/x/%d-%d", i, j), Value: []byte("v")})
		}
		if last, err = s.Commit(t.Context(), change); err != nil {
			t.Fatal(err)
		}
	}
	if err := cache.Reach(t.Context(), last); err != nil {
		t.Fatal(err)
	}
	events := 0
	for range asleep.Events() {
		events++
	}
	if events >= 3000 {
		t.Fatalf("the sleeper was given all %d events", events)
	}
	if items, _ := cache.List("/x/"); len(items) != 3000 {
		t.Fatalf("the cache has %d records, want 3000", len(items))
	}
}

func TestAListCanBeReadInPagesAsItWasAtTheFirst(t *testing.T) {
	s := storetest.Start(t)
	for i := range 5 {
		put(t, s, fmt.Sprintf("/x/%d", i), "old")
	}
	first, err := s.List(t.Context(), "/x/", 2, "", 0)
	if err != nil || len(first.Records) != 2 || first.More != 3 {
		t.Fatalf("first page: %+v, %v", first, err)
	}
	put(t, s, "/x/3", "new")
	rest, err := s.List(t.Context(), "/x/", 0, first.Records[1].Key, first.Revision)
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	for _, record := range rest.Records {
		values = append(values, record.Key+"="+string(record.Value))
	}
	if diff := cmp.Diff([]string{"/x/2=old", "/x/3=old", "/x/4=old"}, values); diff != "" {
		t.Error(diff)
	}
}

// seeds writes n keys, a hundred at a time.
func seeds(t testing.TB, s *store.Store, n int) (last store.Revision) {
	t.Helper()
	for i := 0; i < n; i += 100 {
		var change store.Change
		for j := range 100 {
			change.Put = append(change.Put, store.Put{Key: fmt.Sprintf("/x/seeds/%06d", i+j), Value: []byte("v")})
		}
		var err error
		if last, err = s.Commit(t.Context(), change); err != nil {
			t.Fatal(err)
		}
	}
	return last
}

// pairs makes two keys of each of n seeds, in one transaction, and many at once. A thousand of them are more than etcd sends in
// one piece.
func pairs(t testing.TB, s *store.Store, n int) {
	t.Helper()
	value := make([]byte, 1200)
	var writers errgroup.Group
	writers.SetLimit(64)
	for i := range n {
		writers.Go(func() error {
			name := fmt.Sprintf("/x/pairs/%06d-", i)
			_, err := s.Commit(t.Context(), store.Change{
				Put:    []store.Put{{Key: name + "a", Value: value}, {Key: name + "b", Value: value}},
				Delete: []string{fmt.Sprintf("/x/seeds/%06d", i)},
			})
			return err
		})
	}
	if err := writers.Wait(); err != nil {
		t.Fatal(err)
	}
}

func TestACacheThatLagsNeverNamesARevisionOfWhichItLacksAWrite(t *testing.T) {
	s := storetest.Start(t)
	const behind = 2_500 // etcd gives a thousand at a time; to cut them into pieces costs it the square of their number
	first := seeds(t, s, behind)
	var lag sync.Once
	cache := store.NewCache(s, logged, func(store.Record) (any, error) {
		lag.Do(func() { pairs(t, s, behind) }) // the cache has listed, and does not watch yet
		return nil, nil
	})
	defer run(cache)()
	for revision := first; revision < first+behind; {
		if err := cache.Reach(t.Context(), min(revision+50, first+behind)); err != nil {
			t.Fatal(err)
		}
		var items []*store.Item
		items, revision = cache.List("/x/")
		grown := slices.IndexFunc(items, func(item *store.Item) bool { return strings.HasPrefix(item.Key, "/x/seeds/") })
		if grown < 0 {
			grown = len(items)
		}
		if done := int(revision - first); grown != 2*done || len(items)-grown != behind-done {
			t.Fatalf("at revision %d there are %d records and %d seeds, want %d and %d", revision, grown, len(items)-grown, 2*done, behind-done)
		}
	}
}

// run follows the store until the returned function is called.
func run(cache *store.Cache) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { cache.Run(ctx) })
	return func() {
		cancel()
		running.Wait()
	}
}

func TestWhenEtcdHasLostItsLeaderAWatchGoesOnFromWhereItWas(t *testing.T) {
	etcd := storetest.StartMembers(t, 3)
	s := etcd.Open()
	put(t, s, "/x/before", "v")
	cache := startCache(t, s)
	_, from := cache.List("/x/")
	watch, err := cache.Watch(t.Context(), "/x/", from)
	if err != nil {
		t.Fatal(err)
	}
	etcd.Break()
	etcd.Mend()
	put(t, s, "/x/after", "1")
	if diff := cmp.Diff([]string{"put 1", "put 2"}, take(t, watch, 2, put(t, s, "/x/after", "2"))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestACacheThatEtcdHasLeftBehindBeginsAnewAndSoDoItsWatchers(t *testing.T) {
	etcd := storetest.StartMembers(t, 1)
	s := etcd.Open()
	first := put(t, s, "/x/a", "old")
	var lists atomic.Int32
	cache := store.NewCache(s, logged, func(r store.Record) (any, error) {
		if r.Key == "/x/a" && lists.Add(1) == 1 { // the cache has listed, and does not watch yet
			put(t, s, "/x/b", "lost")
			deleted, err := s.Commit(t.Context(), store.Change{Delete: []string{"/x/b"}})
			if err != nil {
				t.Error(err)
			}
			etcd.Compact(max(deleted, put(t, s, "/x/c", "new")))
		}
		return string(r.Value), nil
	})
	defer run(cache)()
	if err := cache.Reach(t.Context(), first+3); err != nil {
		t.Fatal(err)
	}
	items, _ := cache.List("/x/")
	var got []string
	for _, item := range items {
		got = append(got, item.Key+"="+item.Object.(string))
	}
	if diff := cmp.Diff([]string{"/x/a=old", "/x/c=new"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := cache.Watch(t.Context(), "/x/", first); !errors.Is(err, store.ErrTooOld) {
		t.Errorf("a watch from before the gap got %v, want ErrTooOld", err)
	}
}
