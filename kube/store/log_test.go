package store_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"kubelab/kube/store"
	"kubelab/kube/store/storetest"
)

// steps writes n batches of up to 100 records that expire, eight at once.
func steps(t testing.TB, s *store.Store, n int) {
	t.Helper()
	var writers errgroup.Group
	writers.SetLimit(8)
	for i := range n {
		writers.Go(func() error {
			var change store.Change
			for j := range 100 - i%2 {
				change.Put = append(change.Put, store.Put{Key: fmt.Sprintf("%s%06d", logged, i*100+j), Value: []byte("v"), Expires: true})
			}
			_, err := s.Commit(t.Context(), change)
			return err
		})
	}
	if err := writers.Wait(); err != nil {
		t.Fatal(err)
	}
}

// readLog reads what a log has from a position on.
func readLog(t *testing.T, log *store.Log, position int64) (keys []string, next int64) {
	t.Helper()
	for {
		items, next, _, open := log.From(position)
		if !open {
			t.Fatal("the log has ended")
		}
		for _, item := range items {
			keys = append(keys, item.Key)
		}
		if next == position {
			return keys, next
		}
		position = next
	}
}

func TestALogGivesEachReaderAllOfItInTheOrderOfWritingHoweverSlowlyItReads(t *testing.T) {
	s := storetest.Start(t)
	put(t, s, logged+"z", "first")
	put(t, s, logged+"y", "second")
	cache := startCache(t, s)
	early, position := readLog(t, cache.Log(), 0)
	put(t, s, logged+"z", "sent again")
	steps(t, s, 30)
	put(t, s, logged+"a", "last")
	if err := cache.Fresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	late, _ := readLog(t, cache.Log(), position)
	all, _ := readLog(t, cache.Log(), 0)
	if diff := cmp.Diff([]string{logged + "z", logged + "y"}, early); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(append(early, late...), all); diff != "" || len(all) != 2988 || all[2987] != logged+"a" {
		t.Errorf("%d records, the last is %s; in two parts and at once (-parts +once):\n%s", len(all), all[len(all)-1], diff)
	}
	if again := cache.Log().All(); len(again) != 2988 || again[0].Object != "sent again" {
		t.Errorf("all are %d, the first is %v", len(again), again[0].Object)
	}
	if items, _ := cache.List(logged); len(items) > 0 {
		t.Errorf("%d records of the log are among the objects as well", len(items))
	}
}

func TestWhatExpiresGoesInSmallPartsAndCostsTheObjectsNothing(t *testing.T) {
	etcd := storetest.StartMembers(t, 1)
	s := etcd.Open()
	var decoded atomic.Int32
	cache := store.NewCache(s, logged, func(store.Record) (any, error) {
		decoded.Add(1)
		return nil, nil
	})
	t.Cleanup(run(cache))
	from := put(t, s, "/x/a", "1")
	steps(t, s, 100)
	if err := cache.Fresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if most := etcd.MostKeysOfALease(); most > 200 {
		t.Errorf("a lease has %d keys, which are deleted in one transaction: at most 200 may be", most)
	}
	before := decoded.Load()
	etcd.Expire(0)
	last := put(t, s, "/x/a", "2")
	if err := cache.Fresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := decoded.Load() - before; n != 1 {
		t.Errorf("%d records were decoded, want the one that was written", n)
	}
	if left := cache.Log().All(); len(left) != 0 {
		t.Errorf("%d records have not expired", len(left))
	}
	watch, err := cache.Watch(t.Context(), "/", from)
	if err != nil {
		t.Fatalf("the history of objects has turned over: %v", err)
	}
	if event := <-watch.Events(); event.Revision != last {
		t.Errorf("a watcher is told of %s", event.Item.Key)
	}
}
