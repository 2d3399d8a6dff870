package nodes

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Grace is how long a node may be silent before it counts as lost. It renews its lease every second.
const Grace = 4 * time.Second

// LostAt is when a node counts as lost if nothing is heard from now on. Only time in which somebody listened
// counts: a listener that was away itself, or had nobody to ask, gives every node a full [Grace]
// from the moment on which it listens again.
func LostAt(heard, listeningSince time.Time) time.Time {
	if heard.Before(listeningSince) {
		heard = listeningSince
	}
	return heard.Add(Grace)
}

// What a node reports on, and nobody knows any more once it is lost.
var reported = []corev1.NodeConditionType{
	corev1.NodeReady, corev1.NodeMemoryPressure, corev1.NodeDiskPressure, corev1.NodePIDPressure,
}

// SilentConditions are the conditions of a lost node: whatever it said last, now nobody knows. changed is false where
// they say so already.
func SilentConditions(conditions []corev1.NodeCondition, now time.Time) (silent []corev1.NodeCondition, changed bool) {
	silent = slices.Clone(conditions)
	if !slices.ContainsFunc(silent, func(c corev1.NodeCondition) bool { return c.Type == corev1.NodeReady }) {
		changed = true
		silent = append(silent, corev1.NodeCondition{
			Type: corev1.NodeReady, Status: corev1.ConditionUnknown, LastTransitionTime: metav1.NewTime(now),
			Reason: "NodeStatusNeverUpdated", Message: "Kubelet never posted node status.",
		})
	}
	for i := range silent {
		c := &silent[i]
		if c.Status == corev1.ConditionUnknown || !slices.Contains(reported, c.Type) {
			continue
		}
		changed = true
		c.Status, c.LastTransitionTime = corev1.ConditionUnknown, metav1.NewTime(now)
		c.Reason, c.Message = "NodeStatusUnknown", "Kubelet stopped posting node status."
	}
	return silent, changed
}

// rule makes a taint out of what is known of a node.
type rule struct {
	taint   string
	effects []corev1.TaintEffect
	holds   func(*corev1.Node) bool
}

var (
	keepOff  = []corev1.TaintEffect{corev1.TaintEffectNoSchedule}
	driveOff = []corev1.TaintEffect{corev1.TaintEffectNoSchedule, corev1.TaintEffectNoExecute}
)

// rules are all that this room taints nodes for. Other taints are a person's.
var rules = []rule{
	{corev1.TaintNodeNotReady, driveOff, func(n *corev1.Node) bool {
		ready := status(n, corev1.NodeReady)
		return ready == corev1.ConditionFalse || ready == ""
	}},
	{corev1.TaintNodeUnreachable, driveOff, condition(corev1.NodeReady, corev1.ConditionUnknown)},
	{corev1.TaintNodeUnschedulable, keepOff, func(n *corev1.Node) bool { return n.Spec.Unschedulable }},
	{corev1.TaintNodeMemoryPressure, keepOff, condition(corev1.NodeMemoryPressure, corev1.ConditionTrue)},
	{corev1.TaintNodeDiskPressure, keepOff, condition(corev1.NodeDiskPressure, corev1.ConditionTrue)},
	{corev1.TaintNodePIDPressure, keepOff, condition(corev1.NodePIDPressure, corev1.ConditionTrue)},
	{corev1.TaintNodeNetworkUnavailable, keepOff, condition(corev1.NodeNetworkUnavailable, corev1.ConditionTrue)},
}

func condition(kind corev1.NodeConditionType, wanted corev1.ConditionStatus) func(*corev1.Node) bool {
	return func(n *corev1.Node) bool { return status(n, kind) == wanted }
}

// Taints are the taints that a node should have: those that its conditions call for, and those that a person
// gave it. Each that drives pods off says since when it is there, in whole seconds: rounded up, so that no pod
// has to leave early. changed is false where it has them already.
func Taints(n *corev1.Node, now time.Time) (taints []corev1.Taint, changed bool) {
	taints = slices.Clone(n.Spec.Taints)
	since := metav1.NewTime(now.Add(time.Second - 1).Truncate(time.Second))
	for _, r := range rules {
		before := len(taints)
		if !r.holds(n) {
			taints = slices.DeleteFunc(taints, func(t corev1.Taint) bool { return t.Key == r.taint })
		} else {
			for _, effect := range r.effects {
				addTaint(&taints, corev1.Taint{Key: r.taint, Effect: effect, TimeAdded: &since})
			}
		}
		changed = changed || len(taints) != before
	}
	for i := range taints {
		if t := &taints[i]; t.Effect == corev1.TaintEffectNoExecute && t.TimeAdded == nil {
			t.TimeAdded, changed = &since, true
		}
	}
	return taints, changed
}

// UnreadyConditions are the conditions of a pod whose node cannot speak for it: it is not ready, so no service
// sends it anything. changed is false where they say so already.
func UnreadyConditions(conditions []corev1.PodCondition, now time.Time) (unready []corev1.PodCondition, changed bool) {
	unready = slices.Clone(conditions)
	for i := range unready {
		if c := &unready[i]; c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
			changed = true
			c.Status, c.LastTransitionTime = corev1.ConditionFalse, metav1.NewTime(now)
			c.Reason, c.Message = "NodeNotReady", "Node is not ready"
		}
	}
	return unready, changed
}
