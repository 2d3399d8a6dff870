package podkind

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"kubelab/kube/api"
	"kubelab/kube/api/podspec"
	"kubelab/kube/pods/subresources"
)

// Kinds are those of this room: the Pod, containers that live and die together on one node, with one address.
var Kinds = []api.Kind{api.Type[*corev1.Pod]{
	Names: api.Names{
		Plural: "pods", Short: []string{"po"}, Categories: []string{"all"}, Namespaced: true, HasStatus: true,
	},
	Default: setDefaults,
	Admit:   admit,
	Prepare: func(pod, old *corev1.Pod) {
		if old == nil {
			pod.Status = corev1.PodStatus{Phase: corev1.PodPending, QOSClass: podspec.QOSClass(&pod.Spec)}
			if len(pod.Spec.SchedulingGates) > 0 {
				pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonSchedulingGated,
					Message: "Scheduling is blocked due to non-empty scheduling gates"}}
			}
		}
	},
	Validate: func(pod *corev1.Pod) field.ErrorList {
		return append(podspec.Validate(&pod.Spec, field.NewPath("spec")), validateStatus(&pod.Status, field.NewPath("status"))...)
	},
	ValidateUpdate: func(pod, old *corev1.Pod) field.ErrorList {
		return append(validateUpdate(pod, old), validateStatusUpdate(pod, old, field.NewPath("status"))...)
	},
	Warn:         podspec.Warnings,
	GracePeriod:  gracePeriod,
	Subresources: subresources.OfPods,
	Columns:      columns,
}.Kind()}

// setDefaults adds to what every template gets what only a pod gets.
func setDefaults(pod *corev1.Pod) {
	spec := &pod.Spec
	podspec.Default(spec)
	defaultStatus(pod)
	if spec.EnableServiceLinks == nil {
		spec.EnableServiceLinks = new(corev1.DefaultEnableServiceLinks)
	}
	for _, c := range podspec.Members(spec) {
		requestLimits(&c.Resources)
		if !spec.HostNetwork {
			continue
		}
		for j := range c.Ports { // the node's ports are the pod's own
			if c.Ports[j].HostPort == 0 {
				c.Ports[j].HostPort = c.Ports[j].ContainerPort
			}
		}
	}
}

// defaultStatus fills in what a status says twice, and what follows from the spec.
func defaultStatus(pod *corev1.Pod) {
	status := &pod.Status
	if status.QOSClass == "" {
		status.QOSClass = podspec.QOSClass(&pod.Spec)
	}
	switch {
	case status.PodIP == "" && len(status.PodIPs) > 0:
		status.PodIP = status.PodIPs[0].IP
	case status.PodIP != "" && len(status.PodIPs) == 0:
		status.PodIPs = []corev1.PodIP{{IP: status.PodIP}}
	}
}

// requestLimits: who says how much a container may use at most, and no more than that, asks for as much.
func requestLimits(r *corev1.ResourceRequirements) {
	for name, limit := range r.Limits {
		if _, asked := r.Requests[name]; asked {
			continue
		}
		if r.Requests == nil {
			r.Requests = corev1.ResourceList{}
		}
		r.Requests[name] = limit.DeepCopy()
	}
}

// gracePeriod is the time that a pod's processes get to end. Where there are none, there is nothing to wait for.
func gracePeriod(pod *corev1.Pod, asked *int64) int64 {
	switch {
	case pod.Spec.NodeName == "", api.PodEnded(pod):
		return 0
	case asked != nil && *asked < 0:
		return 1
	case asked != nil:
		return *asked
	case pod.Spec.TerminationGracePeriodSeconds != nil:
		return *pod.Spec.TerminationGracePeriodSeconds
	}
	return corev1.DefaultTerminationGracePeriodSeconds
}

// The fields of a pod that may change; everything else is the pod.
const changeable = "`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`," +
	"`spec.tolerations` (only additions to existing tolerations)," +
	"`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"

func validateUpdate(pod, old *corev1.Pod) field.ErrorList {
	path := field.NewPath("spec")
	if len(pod.Spec.Containers) != len(old.Spec.Containers) {
		return field.ErrorList{field.Forbidden(path.Child("containers"), "pod updates may not add or remove containers")}
	}
	if len(pod.Spec.InitContainers) != len(old.Spec.InitContainers) {
		return field.ErrorList{field.Forbidden(path.Child("initContainers"), "pod updates may not add or remove containers")}
	}
	errs := validateDeadline(pod.Spec.ActiveDeadlineSeconds, old.Spec.ActiveDeadlineSeconds, path.Child("activeDeadlineSeconds"))
	errs = append(errs, validateTolerations(pod.Spec.Tolerations, old.Spec.Tolerations, path.Child("tolerations"))...)
	errs = append(errs, validateGates(pod.Spec.SchedulingGates, old.Spec.SchedulingGates, path.Child("schedulingGates"))...)
	if difference := otherChanges(&pod.Spec, &old.Spec); difference != "" {
		errs = append(errs, field.Forbidden(path, fmt.Sprintf("pod updates may not change fields other than %s\n%s", changeable, difference)))
	}
	return errs
}

// validateDeadline: a deadline may come nearer.
func validateDeadline(now, before *int64, path *field.Path) field.ErrorList {
	switch {
	case before == nil:
		return nil
	case now == nil:
		return field.ErrorList{field.Invalid(path, now, "must not update from a positive integer to nil value")}
	case *now > *before:
		return field.ErrorList{field.Invalid(path, *now, "must be less than or equal to previous value")}
	}
	return nil
}

// validateGates: what a pod waits for can only become less.
func validateGates(now, before []corev1.PodSchedulingGate, path *field.Path) field.ErrorList {
	for _, gate := range now {
		if !slices.Contains(before, gate) {
			return field.ErrorList{field.Forbidden(path, fmt.Sprintf("only deletion is allowed, but found new scheduling gate '%s'", gate.Name))}
		}
	}
	return nil
}

// validateTolerations: what a pod once tolerates it tolerates for good; only for how long may change.
func validateTolerations(now, before []corev1.Toleration, path *field.Path) field.ErrorList {
	kept := sets.New[corev1.Toleration]()
	for _, t := range now {
		t.TolerationSeconds = nil
		kept.Insert(t)
	}
	for _, old := range before {
		if old.TolerationSeconds = nil; !kept.Has(old) {
			return field.ErrorList{field.Forbidden(path, "existing toleration can not be modified except its tolerationSeconds")}
		}
	}
	return nil
}
