package nodes

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func at(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }

func nodeThatIs(ready corev1.ConditionStatus) *corev1.Node {
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n1"}}
	if ready != "" {
		n.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: ready, Reason: "KubeletReady"}}
	}
	return n
}

func TestANodeIsLostFourSecondsAfterItsLastSignOfLife(t *testing.T) {
	if got, want := LostAt(at(10), at(0)), at(14); got != want {
		t.Errorf("lost at %v, want %v", got, want)
	}
}

func TestAListenerThatWasAwayGivesEveryNodeAFullGrace(t *testing.T) {
	if got, want := LostAt(at(10), at(60)), at(64); got != want {
		t.Errorf("lost at %v, want %v", got, want)
	}
}

func TestNobodyKnowsHowALostNodeIs(t *testing.T) {
	before := []corev1.NodeCondition{
		{Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "KubeletReady", LastTransitionTime: metav1.NewTime(at(0))},
		{Type: corev1.NodeMemoryPressure, Status: corev1.ConditionFalse},
		{Type: "example.com/Painted", Status: corev1.ConditionTrue},
	}
	after, changed := SilentConditions(before, at(5))
	const reason, message = "NodeStatusUnknown", "Kubelet stopped posting node status."
	want := []corev1.NodeCondition{
		{Type: corev1.NodeReady, Status: corev1.ConditionUnknown, Reason: reason, Message: message, LastTransitionTime: metav1.NewTime(at(5))},
		{Type: corev1.NodeMemoryPressure, Status: corev1.ConditionUnknown, Reason: reason, Message: message, LastTransitionTime: metav1.NewTime(at(5))},
		{Type: "example.com/Painted", Status: corev1.ConditionTrue},
	}
	if diff := cmp.Diff(want, after); diff != "" || !changed {
		t.Errorf("changed %v, conditions (-want +got):\n%s", changed, diff)
	}
	if _, again := SilentConditions(after, at(9)); again {
		t.Error("a node that is known to be lost is lost anew")
	}
}

func TestANodeThatNeverReportedIsUnknownToo(t *testing.T) {
	after, changed := SilentConditions(nil, at(5))
	if !changed || len(after) != 1 || after[0].Reason != "NodeStatusNeverUpdated" {
		t.Errorf("changed %v, conditions %+v", changed, after)
	}
}

func taintsOf(n *corev1.Node, now time.Time) []string {
	taints, _ := Taints(n, now)
	var texts []string
	for _, taint := range taints {
		texts = append(texts, taint.ToString())
	}
	return texts
}

func TestConditionsBecomeTaints(t *testing.T) {
	for name, test := range map[string]struct {
		node *corev1.Node
		want []string
	}{
		"a ready node has none": {nodeThatIs(corev1.ConditionTrue), nil},
		"one that is not ready drives pods off": {nodeThatIs(corev1.ConditionFalse),
			[]string{"node.kubernetes.io/not-ready:NoSchedule", "node.kubernetes.io/not-ready:NoExecute"}},
		"one that has not reported yet is not ready": {nodeThatIs(""),
			[]string{"node.kubernetes.io/not-ready:NoSchedule", "node.kubernetes.io/not-ready:NoExecute"}},
		"a lost one is unreachable": {nodeThatIs(corev1.ConditionUnknown),
			[]string{"node.kubernetes.io/unreachable:NoSchedule", "node.kubernetes.io/unreachable:NoExecute"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, taintsOf(test.node, at(0))); diff != "" {
				t.Errorf("taints (-want +got):\n%s", diff)
			}
		})
	}
}

func TestACordonedNodeTakesNoNewPodsAndKeepsItsOwn(t *testing.T) {
	n := nodeThatIs(corev1.ConditionTrue)
	n.Spec.Unschedulable = true
	if diff := cmp.Diff([]string{"node.kubernetes.io/unschedulable:NoSchedule"}, taintsOf(n, at(0))); diff != "" {
		t.Errorf("taints (-want +got):\n%s", diff)
	}
}

func TestTaintsGoWhenTheirReasonGoes(t *testing.T) {
	n := nodeThatIs(corev1.ConditionUnknown)
	n.Spec.Taints, _ = Taints(n, at(0))
	n.Status.Conditions[0].Status = corev1.ConditionTrue
	taints, changed := Taints(n, at(60))
	if !changed || len(taints) != 0 {
		t.Errorf("changed %v, taints %v", changed, taints)
	}
}

func TestATaintKeepsTheTimeAtWhichItWasAdded(t *testing.T) {
	n := nodeThatIs(corev1.ConditionUnknown)
	n.Spec.Taints, _ = Taints(n, at(0))
	taints, changed := Taints(n, at(60))
	if changed || !taints[1].TimeAdded.Time.Equal(at(0)) {
		t.Errorf("changed %v, taints %v", changed, taints)
	}
}

func TestAPersonsTaintStaysAndIsDated(t *testing.T) {
	n := nodeThatIs(corev1.ConditionTrue)
	n.Spec.Taints = []corev1.Taint{{Key: "gpu", Effect: corev1.TaintEffectNoSchedule}, {Key: "repair", Effect: corev1.TaintEffectNoExecute}}
	taints, changed := Taints(n, at(7).Add(-time.Millisecond))
	want := []corev1.Taint{n.Spec.Taints[0], {Key: "repair", Effect: corev1.TaintEffectNoExecute, TimeAdded: new(metav1.NewTime(at(7)))}}
	if diff := cmp.Diff(want, taints); diff != "" || !changed {
		t.Errorf("changed %v, taints (-want +got):\n%s", changed, diff)
	}
}

func TestAPodOnALostNodeIsNotReady(t *testing.T) {
	before := []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionTrue}, {Type: corev1.PodReady, Status: corev1.ConditionTrue}}
	after, changed := UnreadyConditions(before, at(5))
	if !changed || after[1].Status != corev1.ConditionFalse || after[0].Status != corev1.ConditionTrue {
		t.Errorf("changed %v, conditions %+v", changed, after)
	}
	if _, again := UnreadyConditions(after, at(6)); again {
		t.Error("a pod that is not ready becomes unready anew")
	}
}
