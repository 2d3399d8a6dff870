package scheduler

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func names(pods []*corev1.Pod) []string {
	var names []string
	for _, p := range pods {
		names = append(names, p.Name)
	}
	return names
}

func wakes(t *testing.T, what string, got []*corev1.Pod, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, names(got)); diff != "" {
		t.Errorf("%s wakes (-want +got):\n%s", what, diff)
	}
}

// full is a cluster of one node without a CPU left, for which the given pods wait.
func full(t *testing.T, waiting ...*corev1.Pod) (*state, *corev1.Pod) {
	s := newState()
	s.setNode(node("a"))
	old := on(pod("old", asking("4", "1Gi")), "a")
	s.placed(old)
	for _, p := range waiting {
		if d, ok := s.decide(p); !ok || d.Node != "" {
			t.Fatalf("%s does not wait: %v", p.Name, d)
		}
	}
	return s, old
}

func TestWhoWaitsIsWokenInTheOrderOfPriorityThenOfAge(t *testing.T) {
	important := func(priority int32) func(*corev1.Pod) {
		return func(p *corev1.Pod) { p.Spec.Priority = &priority }
	}
	aged := func(d time.Duration) func(*corev1.Pod) {
		return func(p *corev1.Pod) { p.CreationTimestamp = metav1.NewTime(time.Unix(0, 0).Add(-d)) }
	}
	one := asking("1", "1Gi")
	s, old := full(t, pod("low", one, important(1)), pod("high", one, important(1000)), pod("young", one, aged(time.Minute)), pod("old one", one, aged(time.Hour)))
	wakes(t, "the end of a pod", s.gone(old), "high", "low", "old one", "young")
}

func TestAChangeWakesOnlyThoseWhomItHelps(t *testing.T) {
	s, old := full(t, pod("modest", asking("1", "1Gi")), pod("giant", asking("64", "1Gi")), pod("picky", asking("1", "1Gi"), awayFrom("zone")))
	wakes(t, "a heartbeat", s.setNode(node("a")))
	wakes(t, "a small node", s.setNode(node("b", having(corev1.ResourceCPU, "500m"))), "picky")
	wakes(t, "a pod that got a node", s.placed(on(pod("another"), "b")), "picky")
	wakes(t, "a large node", s.setNode(node("c", having(corev1.ResourceCPU, "64"))), "giant", "modest", "picky")
	wakes(t, "the end of a pod", s.gone(old), "modest", "picky")
	wakes(t, "the end of a pod that counted nowhere", s.gone(old))
}

func TestAPodThatKeptOthersOutOfAZoneWakesAllWhenItGoes(t *testing.T) {
	s := newState()
	s.setNode(node("a", labelled("zone", "a"), having(corev1.ResourceCPU, "0")))
	s.setNode(node("b", labelled("zone", "a")))
	hermit := on(pod("hermit", awayFrom("zone"), ofApp("db")), "a")
	hermit.Spec.Affinity.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution[0].LabelSelector = app
	s.placed(hermit)
	if d, _ := s.decide(pod("plain", asking("1", "1Gi"))); d.Node != "" {
		t.Fatalf("it goes to %s, though the zone is closed", d.Node)
	}
	wakes(t, "the end of the hermit on a, where there is no room anyway,", s.gone(hermit), "plain")
}

func TestADecisionCountsBeforeTheWatchShowsItAndCanBeTakenBack(t *testing.T) {
	s := newState()
	s.setNode(node("a"))
	first, second := pod("first", asking("4", "1Gi")), pod("second", asking("4", "1Gi"))
	one, _ := s.decide(first)
	if one.Node != "a" {
		t.Fatal(one)
	}
	if _, again := s.decide(first); again {
		t.Error("the watch still shows the pod without a node, and it is decided on again")
	}
	two, _ := s.decide(second)
	if two.Node != "" {
		t.Errorf("the node is given away twice")
	}
	if !one.Made.Before(two.Made) {
		t.Errorf("the first was made at %s, the second at %s", one.Made, two.Made)
	}
	wakes(t, "a bind that failed", s.takeBack(first.UID), "second")
}

func TestAPodThatIsBeingDeletedGetsNoNode(t *testing.T) {
	s := newState()
	s.setNode(node("a"))
	leaving := pod("leaving", func(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{} })
	if d, decided := s.decide(leaving); decided {
		t.Errorf("decided: %v", d)
	}
}

func TestADecisionThatTheWatchHasShownIsNotTakenBack(t *testing.T) {
	s := newState()
	s.setNode(node("a"))
	first := pod("first", asking("4", "1Gi"))
	s.decide(first)
	s.placed(on(first, "a")) // and then the answer to the bind gets lost
	wakes(t, "an error after the bind was seen", s.takeBack(first.UID))
	if d, _ := s.decide(pod("second", asking("4", "1Gi"))); d.Node != "" {
		t.Errorf("the node is given away twice")
	}
}

func TestADecisionThatMayHaveBeenWrittenCountsAndStaysTheSame(t *testing.T) {
	s := newState()
	s.setNode(node("a"))
	first, second := pod("first", asking("4", "1Gi")), pod("second", asking("4", "1Gi"))
	one, _ := s.decide(first)
	s.doubt(first.UID)
	s.setNode(node("b", having(corev1.ResourceCPU, "64"))) // which would be the better one
	if d, _ := s.decide(pod("third", asking("64", "1Gi"))); d.Node != "b" {
		t.Fatal(d)
	}
	if again, decided := s.decide(first); !decided || again.Node != one.Node {
		t.Errorf("decided anew: %v, want %v", again, one)
	}
	if d, _ := s.decide(second); d.Node != "" {
		t.Errorf("%s is given away twice", d.Node)
	}
	s.placed(on(first, "a"))
	if d, decided := s.decide(first); decided {
		t.Errorf("it is known to be bound, and yet decided: %v", d)
	}
}
