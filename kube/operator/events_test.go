package operator

import (
	"context"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
)

func TestTheSameEventAgainCountsUpTheFirst(t *testing.T) {
	c := NewClient(fake.NewClientset(), nil, "kubelet")
	c.Node = "node-1"
	ctx, stop := context.WithCancel(t.Context())
	var delivery sync.WaitGroup
	delivery.Go(func() { c.writeEvents(ctx) })
	defer delivery.Wait()
	defer stop()
	for range 3 {
		c.Event(ctx, pod("web-1", "7"), corev1.EventTypeWarning, "FailedScheduling", "0/%d nodes are available", 3)
	}
	var last *corev1.EventList
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); {
		var err error
		if last, err = c.CoreV1().Events("shop").List(ctx, metav1.ListOptions{}); err != nil {
			t.Fatal(err)
		}
		if len(last.Items) == 1 && last.Items[0].Count == 3 {
			if e := last.Items[0]; e.InvolvedObject.Name != "web-1" || e.Message != "0/3 nodes are available" ||
				e.Source.Host != "node-1" || e.ReportingInstance != "node-1" {
				t.Errorf("event %+v", e)
			}
			return
		}
	}
	t.Fatalf("want one event, seen three times; have %+v", last.Items)
}
