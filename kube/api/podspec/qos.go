package podspec

import (
	corev1 "k8s.io/api/core/v1"
)

// QOSClass says how sure a pod can be of its node's memory and CPU when they run short: Guaranteed
// if every container has limits on both and asks for as much, BestEffort if none asks for anything, Burstable
// otherwise.
func QOSClass(spec *corev1.PodSpec) corev1.PodQOSClass {
	asks, guaranteed := false, true
	for _, c := range Members(spec) {
		if c.Role == Ephemeral {
			continue
		}
		for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
			limit, request := c.Resources.Limits[name], c.Resources.Requests[name]
			if !limit.IsZero() || !request.IsZero() {
				asks = true
			}
			if limit.IsZero() || limit.Cmp(request) != 0 {
				guaranteed = false
			}
		}
	}
	switch {
	case !asks:
		return corev1.PodQOSBestEffort
	case guaranteed:
		return corev1.PodQOSGuaranteed
	}
	return corev1.PodQOSBurstable
}
