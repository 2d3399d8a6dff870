package store_test

import (
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"kubelab/kube/store"
	"kubelab/kube/store/storetest"
)

// BenchmarkWhileStepsExpire measures how long a write takes to come back as an event, and to be in a list, while a record
// expires as fast as one of 2,000 steps a second would.
func BenchmarkWhileStepsExpire(b *testing.B) {
	etcd := storetest.StartMembers(b, 1)
	s := etcd.Open()
	cache := store.NewCache(s, logged, func(r store.Record) (any, error) { return string(r.Value), nil })
	b.Cleanup(run(cache))
	for b.Loop() {
		b.StopTimer()
		steps(b, s, 100)
		idle := latencies(b, s, cache, time.After(5*time.Second))
		expired := make(chan time.Time)
		go func() {
			defer close(expired)
			etcd.Expire(50 * time.Millisecond)
		}()
		b.StartTimer()
		during := latencies(b, s, cache, expired)
		for name, all := range map[string][]time.Duration{"idle": idle, "expiring": during} {
			slices.Sort(all)
			for at, i := range map[string]int{"p50": len(all) / 2, "p99": len(all) * 99 / 100, "p999": len(all) * 999 / 1000, "max": len(all) - 1} {
				b.ReportMetric(float64(all[i].Microseconds())/1000, fmt.Sprintf("ms-%s-%s", name, at))
			}
		}
	}
}

// latencies writes one time after the other until a channel says that it is enough.
func latencies(b *testing.B, s *store.Store, cache *store.Cache, until <-chan time.Time) (all []time.Duration) {
	b.Helper()
	_, _, watch := cache.ListAndWatch("/x/")
	defer watch.Stop()
	for over := false; !over; {
		start := time.Now()
		revision := put(b, s, "/x/a", "v")
		event := <-watch.Events() // before List: it tells that the cache has come so far
		if items, at := cache.List("/x/"); event.Revision != revision || at < revision || len(items) != 1 {
			b.Fatalf("wrote revision %d, the event is of %d, the list of %d", revision, event.Revision, at)
		}
		all = append(all, time.Since(start))
		select {
		case <-until:
			over = true
		default:
		}
	}
	return all
}

// BenchmarkCommit writes an object and its step, with one client and with many.
func BenchmarkCommit(b *testing.B) {
	for _, clients := range []int{1, 64} {
		b.Run(fmt.Sprint(clients), func(b *testing.B) {
			s := storetest.Start(b)
			cache := store.NewCache(s, logged, func(r store.Record) (any, error) { return string(r.Value), nil })
			b.Cleanup(run(cache))
			value, step := make([]byte, 1<<10), make([]byte, 400)
			var names atomic.Int64
			b.SetParallelism(max(clients/runtime.GOMAXPROCS(0), 1))
			one := func() {
				name := fmt.Sprint(names.Add(1))
				_, err := s.Commit(b.Context(), store.Change{Expect: map[string]store.Revision{"/x/" + name: 0},
					Put: []store.Put{{Key: "/x/" + name, Value: value}, {Key: logged + name, Value: step, Expires: true}}})
				if err != nil {
					b.Error(err)
				}
			}
			b.ResetTimer()
			if clients == 1 {
				for range b.N {
					one()
				}
				return
			}
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					one()
				}
			})
		})
	}
}
