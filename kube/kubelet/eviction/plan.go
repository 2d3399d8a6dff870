package eviction

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"kubelab/kube/api"
)

// Limited are the volumes of a pod that have to be measured: those on the disk that have a limit. A pod that ends anyway has none.
func Limited(pod *corev1.Pod) []corev1.Volume {
	if api.PodEnded(pod) || pod.DeletionTimestamp != nil {
		return nil
	}
	var limited []corev1.Volume
	for _, v := range pod.Spec.Volumes {
		if v.EmptyDir != nil && v.EmptyDir.Medium == corev1.StorageMediumDefault && v.EmptyDir.SizeLimit != nil && v.EmptyDir.SizeLimit.Sign() > 0 {
			limited = append(limited, v)
		}
	}
	return limited
}

// Plan says why a pod has to leave the node, in the words of upstream; nothing if it may stay. used is in bytes, by volume.
func Plan(pod *corev1.Pod, used map[string]int64) (message string) {
	for _, v := range Limited(pod) {
		if limit := v.EmptyDir.SizeLimit; used[v.Name] > limit.Value() {
			return fmt.Sprintf("Usage of EmptyDir volume %q exceeds the limit %q.", v.Name, limit.String())
		}
	}
	return ""
}
