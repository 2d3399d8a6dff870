package podkind

import (
	"fmt"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"kubelab/kube/api/podspec"
)

// A status is written by the node that the pod is on, and others go by it: it is held against what a status can be, and against what it was.

var phases = []corev1.PodPhase{"", corev1.PodFailed, corev1.PodPending, corev1.PodRunning, corev1.PodSucceeded, corev1.PodUnknown}

// validateStatus says what is wrong with a status, whatever it was before.
func validateStatus(status *corev1.PodStatus, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if !slices.Contains(phases, status.Phase) {
		errs = append(errs, field.NotSupported(path.Child("phase"), status.Phase, phases[1:]))
	}
	ips := make([]string, len(status.PodIPs))
	for i, ip := range status.PodIPs {
		ips[i] = ip.IP
	}
	errs = append(errs, validateIPs(status.PodIP, ips, "podIP", path.Child("podIPs"))...)
	hosts := make([]string, len(status.HostIPs))
	for i, ip := range status.HostIPs {
		hosts[i] = ip.IP
	}
	errs = append(errs, validateIPs(status.HostIP, hosts, "hostIP", path.Child("hostIPs"))...)
	for i, condition := range status.Conditions {
		for _, message := range validation.IsQualifiedName(string(condition.Type)) {
			errs = append(errs, field.Invalid(path.Child("conditions").Index(i).Child("type"), condition.Type, message))
		}
	}
	if status.ObservedGeneration < 0 {
		errs = append(errs, field.Invalid(path.Child("observedGeneration"), status.ObservedGeneration, apivalidation.IsNegativeErrorMsg))
	}
	return errs
}

// validateIPs is about a list of addresses, one of each family, the first of which stands in a field of its own too.
func validateIPs(first string, ips []string, name string, path *field.Path) field.ErrorList {
	if len(ips) > 0 && ips[0] != first {
		return field.ErrorList{field.Invalid(path.Index(0).Child("ip"), ips[0], fmt.Sprintf("must be equal to `%s`", name))}
	}
	var errs field.ErrorList
	families := map[bool]int{}
	for i, text := range ips {
		at := path.Index(i)
		wrong := validation.IsValidIP(at, text)
		errs = append(errs, wrong...)
		if len(wrong) == 0 {
			families[netip.MustParseAddr(text).Is4()]++
		}
	}
	if families[true] > 1 || families[false] > 1 {
		errs = append(errs, field.Invalid(path, ips, "may specify no more than one IP for each IP family"))
	}
	return errs
}

// validateStatusUpdate says what a status cannot become.
func validateStatusUpdate(pod, old *corev1.Pod, path *field.Path) field.ErrorList {
	errs := apivalidation.ValidateImmutableField(pod.Status.QOSClass, old.Status.QOSClass, path.Child("qosClass"))
	if node := pod.Status.NominatedNodeName; node != "" && node != old.Status.NominatedNodeName {
		for _, message := range validation.IsDNS1123Subdomain(node) {
			errs = append(errs, field.Invalid(path.Child("nominatedNodeName"), node, message))
		}
	}
	ends := map[string]podspec.Member{} // those that may end for good
	for _, member := range podspec.Members(&old.Spec) {
		// Where a pod that is restarted loses its sandbox, it begins anew with what comes first.
		if policy := old.Spec.RestartPolicy; policy == corev1.RestartPolicyNever || policy == corev1.RestartPolicyOnFailure && member.Role == podspec.Main {
			ends[member.Name] = member
		}
	}
	for _, list := range []struct {
		name        string
		now, before []corev1.ContainerStatus
	}{
		{"initContainerStatuses", pod.Status.InitContainerStatuses, old.Status.InitContainerStatuses},
		{"containerStatuses", pod.Status.ContainerStatuses, old.Status.ContainerStatuses},
		{"ephemeralContainerStatuses", pod.Status.EphemeralContainerStatuses, old.Status.EphemeralContainerStatuses},
	} {
		errs = append(errs, validateTransitions(list.now, list.before, ends, path.Child(list.name))...)
	}
	return errs
}

// validateTransitions: what has ended for good has ended for good.
func validateTransitions(now, before []corev1.ContainerStatus, members map[string]podspec.Member, path *field.Path) field.ErrorList {
	over := map[string]bool{}
	for _, status := range before {
		member, known := members[status.Name]
		if ended := status.State.Terminated; ended != nil && known && !member.Restarts(ended.ExitCode) {
			over[status.Name] = true
		}
	}
	var errs field.ErrorList
	for i, status := range now {
		if over[status.Name] && status.State.Terminated == nil {
			errs = append(errs, field.Forbidden(path.Index(i).Child("state"), "may not be transitioned to non-terminated state"))
		}
	}
	return errs
}
