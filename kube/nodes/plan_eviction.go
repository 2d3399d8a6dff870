package nodes

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"kubelab/kube/api"
)

// Eviction is what becomes of a pod on a tainted node. The zero Eviction is that it stays.
type Eviction struct {
	Evict bool      // it goes, at …
	At    time.Time // which may lie in the past
	Why   string
}

// PlanEviction says when a pod has to leave its node. It must tolerate each NoExecute taint, and leaves
// when the first toleration runs out; one without a time never does.
func PlanEviction(pod *corev1.Pod, taints []corev1.Taint) Eviction {
	var plan Eviction
	if pod.DeletionTimestamp != nil || api.PodEnded(pod) {
		return plan
	}
	for _, taint := range taints {
		if taint.Effect != corev1.TaintEffectNoExecute {
			continue
		}
		limit, why := endurance(pod.Spec.Tolerations, taint)
		if limit == nil {
			continue
		}
		var at time.Time // at once
		if *limit > 0 {
			if taint.TimeAdded == nil {
				continue // it is about to be said since when the taint is there (see Taints)
			}
			at = taint.TimeAdded.Add(*limit)
		}
		if !plan.Evict || at.Before(plan.At) {
			plan = Eviction{Evict: true, At: at, Why: why}
		}
	}
	return plan
}

// endurance is how long a pod bears a taint: nil is for ever, zero is not at all.
func endurance(tolerations []corev1.Toleration, taint corev1.Taint) (*time.Duration, string) {
	for _, t := range tolerations {
		if !tolerates(t, taint) {
			continue
		}
		if t.TolerationSeconds == nil {
			return nil, ""
		}
		seconds := max(*t.TolerationSeconds, 0)
		return new(time.Duration(seconds) * time.Second), fmt.Sprintf("tolerates the taint %s for %d s", taint.Key, seconds)
	}
	return new(time.Duration(0)), fmt.Sprintf("does not tolerate the taint %s", taint.Key)
}

func tolerates(t corev1.Toleration, taint corev1.Taint) bool {
	switch {
	case t.Effect != "" && t.Effect != taint.Effect:
		return false
	case t.Key != "" && t.Key != taint.Key:
		return false
	case t.Operator == corev1.TolerationOpExists:
		return true
	}
	return t.Key != "" && t.Value == taint.Value
}
