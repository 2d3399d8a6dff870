package podkind

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"kubelab/kube/api"
)

// admit completes a new pod from the objects around it.
func admit(pod *corev1.Pod, find api.Lookup) error {
	if len(pod.Spec.EphemeralContainers) > 0 {
		why := field.Forbidden(field.NewPath("spec", "ephemeralContainers"), "cannot be set on create")
		return apierrors.NewInvalid(corev1.SchemeGroupVersion.WithKind("Pod").GroupKind(), pod.Name, field.ErrorList{why})
	}
	if err := admitAccount(pod, find); err != nil {
		return err
	}
	tolerateOutage(pod, corev1.TaintNodeNotReady)
	tolerateOutage(pod, corev1.TaintNodeUnreachable)
	return admitPriority(pod, find)
}

// defaultAccount is the service account of a pod that names none. It need not exist: it has no rights.
const defaultAccount = "default"

func admitAccount(pod *corev1.Pod, find api.Lookup) error {
	name := pod.Spec.ServiceAccountName
	if name == "" {
		name = defaultAccount
	}
	if name != defaultAccount && find("serviceaccounts", pod.Namespace, name) == nil {
		return refuse(pod, "error looking up service account %s/%s: serviceaccount %q not found", pod.Namespace, name, name)
	}
	pod.Spec.ServiceAccountName, pod.Spec.DeprecatedServiceAccount = name, name
	account, is := find("serviceaccounts", pod.Namespace, name).(*corev1.ServiceAccount)
	if !is {
		return nil
	}
	if mountsToken(pod, account) {
		mountToken(&pod.Spec)
	}
	if len(pod.Spec.ImagePullSecrets) == 0 {
		pod.Spec.ImagePullSecrets = slices.Clone(account.ImagePullSecrets)
	}
	return nil
}

// outage is how many seconds a pod waits for its node to come back before it is given up.
const outage = 300

// tolerateOutage lets a pod outlast a short loss of its node, unless it says itself what it tolerates.
func tolerateOutage(pod *corev1.Pod, taint string) {
	for _, t := range pod.Spec.Tolerations {
		if (t.Key == taint || t.Key == "") && (t.Effect == corev1.TaintEffectNoExecute || t.Effect == "") {
			return
		}
	}
	pod.Spec.Tolerations = append(pod.Spec.Tolerations, corev1.Toleration{
		Key: taint, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute, TolerationSeconds: new(int64(outage)),
	})
}

// The classes that exist without being made.
var systemPriorities = map[string]int32{"system-cluster-critical": 2000000000, "system-node-critical": 2000001000}

func admitPriority(pod *corev1.Pod, find api.Lookup) error {
	priority, policy := int32(0), corev1.PreemptLowerPriority
	if name := pod.Spec.PriorityClassName; name != "" {
		class, _ := find("priorityclasses."+schedulingv1.GroupName, "", name).(*schedulingv1.PriorityClass)
		system, known := systemPriorities[name]
		switch {
		case class != nil:
			priority = class.Value
			if class.PreemptionPolicy != nil {
				policy = *class.PreemptionPolicy
			}
		case known:
			priority = system
		default:
			return refuse(pod, "no PriorityClass with name %v was found", name)
		}
	}
	if asked := pod.Spec.Priority; asked != nil && *asked != priority {
		return refuse(pod, "the integer value of priority (%d) must not be provided in pod spec; priority admission controller computed %d from the given PriorityClass name",
			*asked, priority)
	}
	pod.Spec.Priority = &priority
	if pod.Spec.PreemptionPolicy == nil {
		pod.Spec.PreemptionPolicy = &policy
	}
	return nil
}

func refuse(pod *corev1.Pod, format string, args ...any) error {
	return apierrors.NewForbidden(corev1.Resource("pods"), pod.Name, fmt.Errorf(format, args...))
}
