package api

import (
	"time"

	corev1 "k8s.io/api/core/v1"
)

// PodActive says whether a pod counts as running or as about to run: it has not ended, and nobody has
// deleted it.
func PodActive(pod *corev1.Pod) bool {
	return pod.DeletionTimestamp == nil && !PodEnded(pod)
}

// PodEnded says whether all of the pod's containers have stopped for good.
func PodEnded(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}

// PodReady returns the moment since which the pod is ready to serve, and false if it is not.
func PodReady(pod *corev1.Pod) (since time.Time, ready bool) {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.LastTransitionTime.Time, c.Status == corev1.ConditionTrue
		}
	}
	return time.Time{}, false
}

// PodAvailable says whether the pod has been ready for at least minReadySeconds. If it is ready and only
// time is missing, wait is how much; otherwise wait is zero.
func PodAvailable(pod *corev1.Pod, minReadySeconds int32, now time.Time) (available bool, wait time.Duration) {
	since, ready := PodReady(pod)
	if !ready {
		return false, 0
	}
	if minReadySeconds == 0 {
		return true, 0
	}
	wait = since.Add(time.Duration(minReadySeconds) * time.Second).Sub(now)
	return wait <= 0, max(wait, 0)
}
