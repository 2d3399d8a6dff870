package nodes

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func podThat(tolerations ...corev1.Toleration) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web"},
		Spec:       corev1.PodSpec{NodeName: "n1", Tolerations: tolerations},
	}
}

func unreachable(seconds int64) corev1.Toleration {
	return corev1.Toleration{Key: corev1.TaintNodeUnreachable, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute, TolerationSeconds: &seconds}
}

func lostSince(when time.Time) []corev1.Taint {
	return []corev1.Taint{
		{Key: corev1.TaintNodeUnreachable, Effect: corev1.TaintEffectNoSchedule},
		{Key: corev1.TaintNodeUnreachable, Effect: corev1.TaintEffectNoExecute, TimeAdded: new(metav1.NewTime(when))},
	}
}

func TestAPodLeavesWhenItsTolerationRunsOut(t *testing.T) {
	plan := PlanEviction(podThat(unreachable(300)), lostSince(at(0)))
	want := Eviction{Evict: true, At: at(300), Why: "tolerates the taint node.kubernetes.io/unreachable for 300 s"}
	if diff := cmp.Diff(want, plan); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
}

func TestAPodThatToleratesNothingLeavesAtOnce(t *testing.T) {
	plan := PlanEviction(podThat(), lostSince(at(0)))
	if !plan.Evict || plan.At.After(at(0)) {
		t.Errorf("plan %+v", plan)
	}
}

func TestAPodThatToleratesATaintForEverStays(t *testing.T) {
	for name, toleration := range map[string]corev1.Toleration{
		"by its key": {Key: corev1.TaintNodeUnreachable, Operator: corev1.TolerationOpExists},
		"as all":     {Operator: corev1.TolerationOpExists},
	} {
		t.Run(name, func(t *testing.T) {
			if plan := PlanEviction(podThat(toleration), lostSince(at(0))); plan.Evict {
				t.Errorf("plan %+v", plan)
			}
		})
	}
}

func TestTheFirstTolerationToRunOutDecides(t *testing.T) {
	taints := append(lostSince(at(0)), corev1.Taint{
		Key: "repair", Value: "disk", Effect: corev1.TaintEffectNoExecute, TimeAdded: new(metav1.NewTime(at(20)))})
	repair := corev1.Toleration{Key: "repair", Value: "disk", TolerationSeconds: new(int64(30))}
	if plan := PlanEviction(podThat(unreachable(300), repair), taints); plan.At != at(50) {
		t.Errorf("plan %+v, want at %v", plan, at(50))
	}
}

func TestATolerationOfAnotherValueIsNone(t *testing.T) {
	taints := []corev1.Taint{{Key: "repair", Value: "disk", Effect: corev1.TaintEffectNoExecute, TimeAdded: new(metav1.NewTime(at(0)))}}
	if plan := PlanEviction(podThat(corev1.Toleration{Key: "repair", Value: "fan"}), taints); !plan.Evict {
		t.Errorf("plan %+v", plan)
	}
}

func TestATolerationOfAnotherEffectIsNone(t *testing.T) {
	toleration := corev1.Toleration{Key: corev1.TaintNodeUnreachable, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoSchedule}
	if plan := PlanEviction(podThat(toleration), lostSince(at(0))); !plan.Evict {
		t.Errorf("plan %+v", plan)
	}
}

func TestATaintThatOnlyKeepsPodsOffDrivesNoneAway(t *testing.T) {
	if plan := PlanEviction(podThat(), lostSince(at(0))[:1]); plan.Evict {
		t.Errorf("plan %+v", plan)
	}
}

func TestATaintWithoutADateRunsOutOnlyWhenItIsDated(t *testing.T) {
	taints := []corev1.Taint{{Key: corev1.TaintNodeUnreachable, Effect: corev1.TaintEffectNoExecute}}
	if plan := PlanEviction(podThat(unreachable(300)), taints); plan.Evict {
		t.Errorf("plan %+v", plan)
	}
}

func TestAPodThatIsDoneOrOnItsWayIsLeftAlone(t *testing.T) {
	done, going := podThat(), podThat()
	done.Status.Phase = corev1.PodSucceeded
	going.DeletionTimestamp = new(metav1.NewTime(at(0)))
	for _, pod := range []*corev1.Pod{done, going} {
		if plan := PlanEviction(pod, lostSince(at(0))); plan.Evict {
			t.Errorf("plan %+v for %+v", plan, pod.Status)
		}
	}
}
