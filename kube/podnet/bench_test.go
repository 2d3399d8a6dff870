//go:build linux

package podnet

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

// The two benchmarks tell the time of one Attach (median and least) and of one Detach (median), one pod after the other and ten at once.

func BenchmarkAttachOneAfterTheOther(b *testing.B) { benchmarkAttach(b, 1) }

func BenchmarkAttachTenAtOnce(b *testing.B) { benchmarkAttach(b, 10) }

func benchmarkAttach(b *testing.B, atOnce int) {
	node := newLab(b, 1).nodes[0]
	var mu sync.Mutex
	var attach, detach []time.Duration
	for b.Loop() {
		var group sync.WaitGroup
		for i := range atOnce {
			group.Go(func() {
				id := fmt.Sprintf("pod-%d", i)
				start := time.Now()
				_, err := node.net.Attach(b.Context(), id)
				attached := time.Now()
				if err == nil {
					err = node.net.Detach(b.Context(), id)
				}
				if err != nil {
					b.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				attach, detach = append(attach, attached.Sub(start)), append(detach, time.Since(attached))
			})
		}
		group.Wait()
	}
	slices.Sort(attach)
	slices.Sort(detach)
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	b.ReportMetric(ms(attach[0]), "attach-min-ms")
	b.ReportMetric(ms(attach[len(attach)/2]), "attach-p50-ms")
	b.ReportMetric(ms(detach[len(detach)/2]), "detach-p50-ms")
}
