package store

import (
	"math/rand/v2"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// What has to be deleted, and decoded by each cache, while everybody waits, is counted and not timed: it does not depend on the machine's load.
func TestWhatRunsOutAtOnceIsAtMostTwoHundredKeysAndHalfAMebibyteOrOneWrite(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var e expiry
	now, leases := time.Now(), clientv3.LeaseID(0)
	held, writes := map[clientv3.LeaseID]load{}, map[clientv3.LeaseID]int{}
	put := func(id clientv3.LeaseID, more load) {
		held[id] = held[id].plus(more)
		writes[id]++
	}
	var slow []load // of writers whose lease has not been granted yet
	for range 100_000 {
		keys := 1 + random.IntN(100)
		more := load{keys, keys * (100 + random.IntN(10_000))}
		if random.IntN(100) == 0 {
			more.bytes = 1 << 20
		}
		id, renew := e.use(now, more)
		if !renew {
			put(id, more)
		} else {
			slow = append(slow, more)
		}
		if len(slow) > random.IntN(5) {
			leases++
			e.renewed(leases, now, slow[0])
			put(leases, slow[0])
			slow = slow[1:]
		}
		now = now.Add(time.Duration(random.IntN(1000)) * time.Millisecond)
	}
	for id, has := range held {
		if (has.keys > 200 || has.bytes > 512<<10) && writes[id] > 1 {
			t.Fatalf("lease %d has %d keys and %d bytes of %d writes", id, has.keys, has.bytes, writes[id])
		}
	}
}

func TestALeaseIsSharedByWhatIsWrittenWithinItsSpan(t *testing.T) {
	var e expiry
	now := time.Now()
	if _, renew := e.use(now, load{1, 100}); !renew {
		t.Fatal("there is a lease before the first")
	}
	e.renewed(1, now, load{1, 100})
	for range leaseKeys - 1 {
		if id, renew := e.use(now.Add(leaseSpan-1), load{1, 100}); renew || id != 1 {
			t.Fatalf("lease %d, renew %v", id, renew)
		}
	}
	if _, renew := e.use(now, load{1, 100}); !renew {
		t.Error("a full lease is not renewed")
	}
	if id, renew := e.use(now, load{1, 100}); renew || id != 1 {
		t.Error("while one writer renews it, the others do not go on with it")
	}
}
