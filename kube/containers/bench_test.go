//go:build linux

package containers_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kubelab/kube/containers"
	"kubelab/kube/containers/streams"
)

// Run with: go test -run - -bench . -benchtime 100x ./kube/containers

func BenchmarkCreateAndStart(b *testing.B) {
	p := benchPod(b)
	var times []time.Duration
	for i := 0; b.Loop(); i++ {
		c := busyboxContainer(fmt.Sprint(i), "sleep 1000")
		c.LogPath = filepath.Join(filepath.Dir(p.Sandbox.Dir), "log")
		begin := time.Now()
		if err := p.Create(b.Context(), c); err != nil {
			b.Fatal(err)
		}
		if err := p.Start(b.Context(), c.ID); err != nil {
			b.Fatal(err)
		}
		times = append(times, time.Since(begin))
		if err := p.Delete(b.Context(), c.ID); err != nil {
			b.Fatal(err)
		}
	}
	report(b, times)
}

// BenchmarkSeccomp is what the filter of system calls costs at a container's creation and start: with it and without, in turn.
func BenchmarkSeccomp(b *testing.B) {
	p := benchPod(b)
	times := map[string][]time.Duration{}
	for i := 0; b.Loop(); i++ {
		for _, profile := range []string{containers.SeccompDefault, containers.SeccompUnconfined} {
			c := busyboxContainer(fmt.Sprint(i), "sleep 1000")
			c.Seccomp = profile
			begin := time.Now()
			if err := p.Create(b.Context(), c); err != nil {
				b.Fatal(err)
			}
			if err := p.Start(b.Context(), c.ID); err != nil {
				b.Fatal(err)
			}
			times[profile] = append(times[profile], time.Since(begin))
			if err := p.Delete(b.Context(), c.ID); err != nil {
				b.Fatal(err)
			}
		}
	}
	for profile, name := range map[string]string{containers.SeccompDefault: "with", containers.SeccompUnconfined: "without"} {
		all := times[profile]
		slices.Sort(all)
		b.ReportMetric(float64(all[0].Microseconds()), name+"-min-µs")
		b.ReportMetric(float64(all[len(all)/2].Microseconds()), name+"-p50-µs")
	}
	b.ReportMetric(0, "ns/op")
}

// BenchmarkPod is what a pod of one container costs: the shim, and the container's creation and start.
func BenchmarkPod(b *testing.B) {
	benchPod(b)
	var times []time.Duration
	for b.Loop() {
		begin := time.Now()
		p, err := containers.StartShim(b.Context(), program, newSandbox(b.TempDir()))
		if err != nil {
			b.Fatal(err)
		}
		if err := p.Create(b.Context(), busyboxContainer("a", "sleep 1000")); err != nil {
			b.Fatal(err)
		}
		if err := p.Start(b.Context(), "a"); err != nil {
			b.Fatal(err)
		}
		times = append(times, time.Since(begin))
		if err := p.Delete(b.Context(), "a"); err != nil {
			b.Fatal(err)
		}
		if err := p.Stop(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	report(b, times)
}

func BenchmarkExec(b *testing.B) {
	p := benchPod(b)
	if err := p.Create(b.Context(), busyboxContainer("a", "sleep 1000")); err != nil {
		b.Fatal(err)
	}
	if err := p.Start(b.Context(), "a"); err != nil {
		b.Fatal(err)
	}
	var times []time.Duration
	for b.Loop() {
		begin := time.Now()
		code, err := p.Exec(b.Context(), "a", containers.ExecConfig{Args: []string{"echo", "hello"}}, streams.Stdio{Stdout: io.Discard}, nil)
		if err != nil || code != 0 {
			b.Fatal(code, err)
		}
		times = append(times, time.Since(begin))
	}
	report(b, times)
}

func BenchmarkStartShim(b *testing.B) {
	benchPod(b)
	var times []time.Duration
	for b.Loop() {
		begin := time.Now()
		shim, err := containers.StartShim(b.Context(), program, newSandbox(b.TempDir()))
		if err != nil {
			b.Fatal(err)
		}
		times = append(times, time.Since(begin))
		if err := shim.Stop(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	report(b, times)
}

// BenchmarkMemory reports what ten shims cost, each with one container, once they are idle.
func BenchmarkMemory(b *testing.B) {
	for b.Loop() {
		var pods []*containers.Shim
		for range 10 {
			p := benchPod(b)
			if err := p.Create(b.Context(), busyboxContainer("a", "sleep 1000")); err != nil {
				b.Fatal(err)
			}
			if err := p.Start(b.Context(), "a"); err != nil {
				b.Fatal(err)
			}
			pods = append(pods, p)
		}
		b.ReportMetric(float64(idle(pods))/float64(len(pods)), "PSS-KiB/shim")
	}
}

// idle is what the shims take up together, in KiB, when that falls no more: each gives memory back a second after its
// last request.
func idle(pods []*containers.Shim) int {
	for least, since := memory(pods), time.Now(); ; time.Sleep(50 * time.Millisecond) {
		if now := memory(pods); now < least {
			least, since = now, time.Now()
		} else if time.Since(since) > 3*time.Second/2 {
			return least
		}
	}
}

// memory is the proportional set size of the shims' processes together, in KiB.
func memory(pods []*containers.Shim) (total int) {
	for _, p := range pods {
		for _, pid := range processesOf(p.Sandbox.Dir) {
			rollup, _ := os.ReadFile("/proc/" + pid + "/smaps_rollup")
			for line := range strings.Lines(string(rollup)) {
				var kib int
				if _, err := fmt.Sscanf(line, "Pss: %d kB", &kib); err == nil {
					total += kib
				}
			}
		}
	}
	return total
}

func benchPod(b *testing.B) *containers.Shim {
	b.Helper()
	if missing != "" {
		b.Skip(missing)
	}
	p, err := containers.StartShim(b.Context(), program, newSandbox(b.TempDir()))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		ctx := context.Background()
		all, _ := p.List(ctx)
		for _, status := range all {
			p.Delete(ctx, status.ID)
		}
		p.Stop(ctx)
		containers.RemoveCgroup(filepath.Dir(p.Sandbox.CgroupParent))
	})
	return p
}

func report(b *testing.B, times []time.Duration) {
	slices.Sort(times)
	b.ReportMetric(float64(times[0].Microseconds()), "min-µs")
	b.ReportMetric(float64(times[len(times)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(times[len(times)*99/100].Microseconds()), "p99-µs")
	b.ReportMetric(0, "ns/op") // an average over what is not measured says nothing
}
