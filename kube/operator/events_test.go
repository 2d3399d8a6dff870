package operator

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"kubelab/kube/api"
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

func TestEventsForWhichThereIsNoRoomAreCountedAndToldOf(t *testing.T) {
	var log strings.Builder
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	defer slog.SetDefault(before)
	c := NewClient(fake.NewClientset(), nil, "kubelet")
	for range maxEvents + 3 {
		c.Event(t.Context(), pod("web-1", "7"), corev1.EventTypeWarning, "BackOff", "again")
	}
	if said := strings.Count(log.String(), "events are lost"); said != 1 {
		t.Errorf("it is said %d times that events are lost, want once:\n%s", said, log.String())
	}
	ctx, stop := context.WithCancel(t.Context())
	var delivery sync.WaitGroup
	delivery.Go(func() { c.writeEvents(ctx) })
	for deadline := time.Now().Add(10 * time.Second); len(c.events) > 0 && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
	}
	stop()
	delivery.Wait()
	if !strings.Contains(log.String(), `"events were lost" events=3`) {
		t.Errorf("it is not said how many were lost:\n%s", log.String())
	}
}

func TestAnEventIsAsLongAsOneMayBe(t *testing.T) {
	c := NewClient(fake.NewClientset(), nil, "kubelet")
	c.Event(t.Context(), pod("web-1", "7"), corev1.EventTypeWarning, "Failed", "%s", strings.Repeat("é", 1<<20))
	if message := (<-c.events).event.Message; len(message) != api.MaxEventMessage || !utf8.ValidString(message) {
		t.Errorf("the message has %d bytes", len(message))
	}
}
