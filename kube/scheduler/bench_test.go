package scheduler

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// BenchmarkPlan decides on one more pod in a cluster of so many nodes with ten pods each.
func BenchmarkPlan(b *testing.B) {
	for _, nodes := range []int{100, 1000, 5000} {
		cluster := NewCluster()
		for i := range nodes {
			cluster.SetNode(node(fmt.Sprintf("node-%d", i), labelled("zone", fmt.Sprint(i%3))))
			for j := range 10 {
				cluster.AddPod(on(pod(fmt.Sprintf("pod-%d-%d", i, j), asking("100m", "100Mi"), ownedBy("web")), fmt.Sprintf("node-%d", i)))
			}
		}
		for what, p := range map[string]*corev1.Pod{
			"plain":    pod("new", asking("100m", "100Mi"), ownedBy("web")),
			"spread":   pod("new", asking("100m", "100Mi"), spreadOver("zone", 1, corev1.DoNotSchedule)),
			"affinity": pod("new", asking("100m", "100Mi"), near("zone")),
		} {
			b.Run(fmt.Sprintf("%s/%d", what, nodes), func(b *testing.B) {
				before := cpuTime(b)
				for b.Loop() {
					if Plan(p, cluster).Node == "" {
						b.Fatal("it fits nowhere")
					}
				}
				b.ReportMetric(float64((cpuTime(b)-before).Microseconds())/float64(b.N), "cpu-µs/op")
			})
		}
	}
}

// BenchmarkTurn also counts the pod on its node and takes it away again, which each bind costs beside the decision.
func BenchmarkTurn(b *testing.B) {
	cluster := NewCluster()
	for i := range 1000 {
		cluster.SetNode(node(fmt.Sprintf("node-%d", i)))
	}
	p := pod("new", asking("100m", "100Mi"), ownedBy("web"))
	for b.Loop() {
		cluster.AddPod(on(p, Plan(p, cluster).Node))
		cluster.RemovePod(p.UID)
	}
}

// cpuTime is what this process has used so far: on a machine that others use too it says more than the clock.
func cpuTime(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

var app = &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}
