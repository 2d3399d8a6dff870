package podkind

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/util/diff"
)

// otherChanges shows how two specs differ in what may not change. They have as many containers. It is empty where
// all differences are allowed.
func otherChanges(now, before *corev1.PodSpec) string {
	same := now.DeepCopy()
	for i := range same.Containers {
		same.Containers[i].Image = before.Containers[i].Image
	}
	for i := range same.InitContainers {
		same.InitContainers[i].Image = before.InitContainers[i].Image
	}
	same.ActiveDeadlineSeconds = before.ActiveDeadlineSeconds
	same.Tolerations = before.Tolerations
	same.SchedulingGates = before.SchedulingGates
	if grace := before.TerminationGracePeriodSeconds; grace != nil && *grace < 0 &&
		same.TerminationGracePeriodSeconds != nil && *same.TerminationGracePeriodSeconds == 1 {
		same.TerminationGracePeriodSeconds = grace
	}
	if equality.Semantic.DeepEqual(same, before) {
		return ""
	}
	return diff.Diff(before, same)
}
