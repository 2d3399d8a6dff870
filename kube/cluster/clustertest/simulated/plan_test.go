package simulated

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubelab/kube/pods"
	"kubelab/kube/pods/cri"
)

var (
	bound   = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	address = netip.MustParseAddr("10.244.7.2")
)

// told is what a decision lets others know of a pod, as far as these tests ask.
func told(pod *corev1.Pod, decision pods.Decision) string {
	pod.Status = decision.Status
	ready := "not ready"
	for _, c := range decision.Status.Conditions {
		if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
			ready = "ready"
		}
	}
	return string(decision.Status.Phase) + ", " + ready + ", " + decision.Status.PodIP
}

func TestAPodRunsHalfASecondAfterItWasBoundAndEndsHalfASecondAfterItWasDeleted(t *testing.T) {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "web-1", Namespace: "shop", UID: "u1"},
		Spec: corev1.PodSpec{RestartPolicy: corev1.RestartPolicyAlways, Volumes: []corev1.Volume{{Name: "token"}}, Containers: []corev1.Container{{Name: "web", Image: "web"}}}}
	have := new(bare(cri.Node{}, bound))
	at := func(after time.Duration) (string, bool) {
		decision, gone := decide(pod, have, address, bound.Add(after))
		return told(pod, decision), gone
	}
	var saw []string
	for _, after := range []time.Duration{0, takes - 1, takes} {
		said, _ := at(after)
		saw = append(saw, said)
	}
	deleted := time.Minute
	pod.DeletionGracePeriodSeconds = new(int64(30))
	pod.DeletionTimestamp = new(metav1.NewTime(bound.Add(deleted + 30*time.Second)))
	for _, after := range []time.Duration{deleted, deleted + takes} {
		said, gone := at(after)
		if gone {
			t.Errorf("%v after it was deleted the object goes, and its end has not been told", after-deleted)
		}
		saw = append(saw, said)
	}
	want := []string{
		"Pending, not ready, 10.244.7.2", "Pending, not ready, 10.244.7.2", "Running, ready, 10.244.7.2",
		"Running, ready, 10.244.7.2", "Succeeded, not ready, 10.244.7.2",
	}
	if diff := cmp.Diff(want, saw); diff != "" {
		t.Error(diff)
	}
	if _, gone := at(deleted + takes); !gone {
		t.Error("all has been told, and the object stays")
	}
	if len(have.Sandboxes)+len(have.Containers) > 0 {
		t.Errorf("of a pod that is gone there is still %+v", have)
	}
}

func TestADecisionWakesWhenTheNextActionIsDone(t *testing.T) {
	pod := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "web"}}}}
	have := new(bare(cri.Node{}, bound))
	decision, _ := decide(pod, have, address, bound.Add(takes-time.Millisecond))
	if !decision.Wake.At.Equal(bound.Add(takes)) {
		t.Errorf("it wakes at %v (%s), and the container runs at %v", decision.Wake.At, decision.Wake.Why, bound.Add(takes))
	}
}

func TestAPodGetsTheLowestAddressThatNoOtherHas(t *testing.T) {
	from := netip.MustParsePrefix("10.244.7.0/30")
	used := map[netip.Addr]bool{}
	var got []string
	for range 3 {
		free := freeAddress(from, used)
		used[free] = true
		got = append(got, free.String())
	}
	if diff := cmp.Diff([]string{"10.244.7.2", "10.244.7.3", "invalid IP"}, got); diff != "" {
		t.Error(diff)
	}
}
