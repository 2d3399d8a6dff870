package replicasets

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

var now = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

func set(replicas int32) *appsv1.ReplicaSet {
	labels := map[string]string{"app": "web"}
	return &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", UID: "web-uid", Generation: 7},
		Spec: appsv1.ReplicaSetSpec{
			Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "server", Image: "web:1"}}},
			},
		},
	}
}

// pod makes a pod of set that has been ready for a minute, and changes it.
func pod(name string, changes ...func(*corev1.Pod)) *corev1.Pod {
	p := newPod(set(0))
	p.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(set(0), controller)}
	p.Name, p.GenerateName, p.UID = name, "", types.UID(name)
	p.Spec.NodeName = "node-of-" + name
	p.CreationTimestamp = metav1.NewTime(now.Add(-time.Hour))
	p.Status.Phase = corev1.PodRunning
	readySince(time.Minute)(p)
	for _, change := range changes {
		change(p)
	}
	return p
}

func readySince(d time.Duration) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Status.Conditions = []corev1.PodCondition{{
			Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(now.Add(-d)),
		}}
	}
}

func unready(p *corev1.Pod)         { p.Status.Conditions[0].Status = corev1.ConditionFalse }
func pending(p *corev1.Pod)         { unready(p); p.Status.Phase = corev1.PodPending }
func unassigned(p *corev1.Pod)      { pending(p); p.Spec.NodeName = "" }
func failed(p *corev1.Pod)          { unready(p); p.Status.Phase = corev1.PodFailed }
func leaving(p *corev1.Pod)         { p.DeletionTimestamp = &metav1.Time{Time: now} }
func orphan(p *corev1.Pod)          { p.OwnerReferences = nil }
func foreign(p *corev1.Pod)         { p.OwnerReferences[0].UID = "another" }
func relabelled(p *corev1.Pod)      { p.Labels = map[string]string{"app": "under-study"} }
func on(n string) func(*corev1.Pod) { return func(p *corev1.Pod) { p.Spec.NodeName = n } }

// check compares what rs does, leaving the status aside.
func check(t *testing.T, rs *appsv1.ReplicaSet, pods []*corev1.Pod, want Plan) {
	t.Helper()
	got := Decide(rs, pods, now)
	got.Status = appsv1.ReplicaSetStatus{}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
}

func TestMissingPodsAreCreated(t *testing.T) {
	check(t, set(3), nil, Plan{Create: 3})
	check(t, set(3), []*corev1.Pod{pod("a")}, Plan{Create: 2})
	check(t, set(3), []*corev1.Pod{pod("a"), pod("b"), pod("c", pending)}, Plan{})
}

func TestAPodThatHasEndedOrIsOnItsWayOutIsReplaced(t *testing.T) {
	check(t, set(2), []*corev1.Pod{pod("a", failed), pod("b", leaving)}, Plan{Create: 2})
}

func TestNoTurnCreatesMoreThanABurst(t *testing.T) {
	check(t, set(10*burst), nil, Plan{Create: burst})
}

func TestThePodThatIsMissedLeastGoesFirst(t *testing.T) {
	older := func(p *corev1.Pod) { p.CreationTimestamp = metav1.NewTime(now.Add(-2 * time.Hour)) }
	cheap := func(p *corev1.Pod) { p.Annotations = map[string]string{corev1.PodDeletionCost: "-5"} }
	restarted := func(p *corev1.Pod) { p.Status.ContainerStatuses = []corev1.ContainerStatus{{RestartCount: 2}} }
	unknown := func(p *corev1.Pod) { unready(p); p.Status.Phase = corev1.PodUnknown }
	for _, c := range []struct{ goes, stays *corev1.Pod }{
		{pod("has no node yet", unassigned), pod("stays", pending)},
		{pod("is still pending", pending), pod("stays", unready)},
		{pod("is still pending", pending), pod("stays", unknown)},
		{pod("is not ready", unready), pod("stays", cheap)},
		{pod("costs less to delete", cheap, readySince(time.Hour)), pod("stays")},
		{pod("has been ready for a shorter time", readySince(time.Second)), pod("stays", restarted)},
		{pod("has restarted more often", restarted, older), pod("stays")},
		{pod("is newer"), pod("stays", older)},
		{pod("has a later name"), pod("even stays")},
	} {
		check(t, set(1), []*corev1.Pod{c.stays, c.goes}, Plan{Delete: []Removal{{c.goes.Name, c.goes.Name}}})
		check(t, set(1), []*corev1.Pod{c.goes, c.stays}, Plan{Delete: []Removal{{c.goes.Name, c.goes.Name}}})
	}
}

func TestANodeWithMoreReplicasLosesThemFirst(t *testing.T) {
	replicas := []*corev1.Pod{
		pod("a", on("crowded"), readySince(time.Hour)), pod("b", on("crowded"), readySince(2*time.Hour)), pod("c", on("quiet")),
	}
	check(t, set(2), replicas, Plan{Delete: []Removal{{"a", "has been ready for a shorter time"}}}) // than b, not than c
	check(t, set(1), replicas, Plan{Delete: []Removal{
		{"a", "shares its node with more replicas"}, {"b", "shares its node with more replicas"},
	}})
}

func TestScaledToZeroAllGoAndNoReasonIsNeeded(t *testing.T) {
	check(t, set(0), []*corev1.Pod{pod("a")}, Plan{Delete: []Removal{{Pod: "a"}}})
}

func TestAMatchingPodWithoutAControllerIsAdoptedInsteadOfCreatingOne(t *testing.T) {
	check(t, set(2), []*corev1.Pod{pod("mine"), pod("stray", orphan)}, Plan{Adopt: []string{"stray"}})
}

func TestAnAdoptedPodMayBeTheOneTooMany(t *testing.T) {
	check(t, set(1), []*corev1.Pod{pod("mine"), pod("stray", orphan, unready)},
		Plan{Adopt: []string{"stray"}, Delete: []Removal{{"stray", "is not ready"}}})
}

func TestAPodTakenOutOfServiceByItsLabelIsReleasedAndReplaced(t *testing.T) {
	check(t, set(1), []*corev1.Pod{pod("a", relabelled)}, Plan{Release: []string{"a"}, Create: 1})
}

func TestAPodOfAnotherControllerIsLeftAloneEvenIfItMatches(t *testing.T) {
	check(t, set(1), []*corev1.Pod{pod("a", foreign)}, Plan{Create: 1})
}

func TestAReplicaSetThatIsBeingDeletedOnlyCounts(t *testing.T) {
	rs := set(3)
	leaves := metav1.NewTime(now)
	rs.DeletionTimestamp = &leaves
	plan := Decide(rs, []*corev1.Pod{pod("a"), pod("b", orphan), pod("c", relabelled)}, now)
	want := Plan{Status: appsv1.ReplicaSetStatus{
		Replicas: 1, FullyLabeledReplicas: 1, ReadyReplicas: 1, AvailableReplicas: 1, ObservedGeneration: 7, TerminatingReplicas: new(int32(0)),
	}}
	if diff := cmp.Diff(want, plan); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
}

func TestStatusCountsWhatIsThereBeforeTheTurn(t *testing.T) {
	rs := set(5)
	rs.Spec.Template.Labels = map[string]string{"app": "web", "tier": "front"}
	labelled := func(p *corev1.Pod) { p.Labels = map[string]string{"app": "web", "tier": "front"} }
	got := Decide(rs, []*corev1.Pod{pod("a", labelled), pod("b"), pod("c", unready), pod("d", failed), pod("e", leaving)}, now).Status
	want := appsv1.ReplicaSetStatus{
		Replicas: 3, FullyLabeledReplicas: 1, ReadyReplicas: 2, AvailableReplicas: 2, ObservedGeneration: 7, TerminatingReplicas: new(int32(1)),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
}

func TestAReadyPodIsAvailableOnlyAfterMinReadySeconds(t *testing.T) {
	rs := set(3)
	rs.Spec.MinReadySeconds = 30
	plan := Decide(rs, []*corev1.Pod{
		pod("a", readySince(30*time.Second)), pod("b", readySince(20*time.Second)), pod("c", readySince(5*time.Second)),
	}, now)
	if got := fmt.Sprintf("%d of %d, again in %s", plan.Status.AvailableReplicas, plan.Status.ReadyReplicas, plan.Again); got != "1 of 3, again in 10s" {
		t.Errorf("available: %s", got)
	}
}

func TestAFailureShowsInTheStatusUntilAnAttemptGoesWell(t *testing.T) {
	full := errors.New("exceeded quota")
	broken := withFailure(appsv1.ReplicaSetStatus{}, "FailedCreate", full, now)
	want := []appsv1.ReplicaSetCondition{{
		Type: appsv1.ReplicaSetReplicaFailure, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(now),
		Reason: "FailedCreate", Message: "exceeded quota",
	}}
	if diff := cmp.Diff(want, broken.Conditions); diff != "" {
		t.Errorf("after a failure (-want +got):\n%s", diff)
	}
	if again := withFailure(broken, "FailedCreate", full, now.Add(time.Minute)); !cmp.Equal(want, again.Conditions) {
		t.Errorf("the same failure again is news: %v", again.Conditions)
	}
	if healed := withFailure(broken, "", nil, now); len(healed.Conditions) != 0 {
		t.Errorf("all went well, and there is still %v", healed.Conditions)
	}
}
