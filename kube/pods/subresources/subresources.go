package subresources

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"kubelab/kube/api"
)

// OfPods are the subresources of a pod.
var OfPods = []api.Subresource{
	{Name: "binding", Body: corev1.SchemeGroupVersion.WithKind("Binding"), Verbs: []string{"create"}, Validate: validateBinding, Change: bind},
	{Name: "ephemeralcontainers", Body: corev1.SchemeGroupVersion.WithKind("Pod"), Verbs: []string{"get", "patch", "update"}, Change: addEphemeral},
	{Name: "eviction", Body: policyv1.SchemeGroupVersion.WithKind("Eviction"), Verbs: []string{"create"}, Delete: evict},
	{Name: "log", Body: corev1.SchemeGroupVersion.WithKind("Pod"), Verbs: []string{"get"}, Connect: log},
	{Name: "exec", Body: corev1.SchemeGroupVersion.WithKind("PodExecOptions"), Verbs: []string{"create", "get"}, Connect: exec},
	{Name: "attach", Body: corev1.SchemeGroupVersion.WithKind("PodAttachOptions"), Verbs: []string{"create", "get"}, Connect: attach},
	{Name: "portforward", Body: corev1.SchemeGroupVersion.WithKind("PodPortForwardOptions"), Verbs: []string{"create", "get"}, Connect: forwardPorts},
}

func validateBinding(body api.Object) field.ErrorList {
	binding := body.(*corev1.Binding)
	var errs field.ErrorList
	target := field.NewPath("target")
	if kind := binding.Target.Kind; kind != "" && kind != "Node" {
		errs = append(errs, field.NotSupported(target.Child("kind"), kind, []string{"Node", "<empty>"}))
	}
	if binding.Target.Name == "" {
		errs = append(errs, field.Required(target.Child("name"), ""))
	}
	return errs
}

// bind puts a pod on a node: the one thing that a scheduler does.
func bind(object, body api.Object) error {
	pod := object.(*corev1.Pod)
	switch {
	case pod.DeletionTimestamp != nil:
		return apierrors.NewConflict(corev1.Resource("pods"), pod.Name, fmt.Errorf("pod %s is being deleted, cannot be assigned to a host", pod.Name))
	case pod.Spec.NodeName != "":
		return apierrors.NewConflict(corev1.Resource("pods"), pod.Name, fmt.Errorf("pod %s is already assigned to node %q", pod.Name, pod.Spec.NodeName))
	case len(pod.Spec.SchedulingGates) > 0:
		return apierrors.NewConflict(corev1.Resource("pods"), pod.Name, fmt.Errorf("pod %v has non-empty .spec.schedulingGates", pod.Name))
	}
	pod.Spec.NodeName = body.(*corev1.Binding).Target.Name
	setScheduled(pod)
	return nil
}

func setScheduled(pod *corev1.Pod) {
	scheduled := corev1.PodCondition{Type: corev1.PodScheduled, Status: corev1.ConditionTrue, LastTransitionTime: metav1.Time{Time: time.Now().Truncate(time.Second)}}
	for i := range pod.Status.Conditions {
		if pod.Status.Conditions[i].Type == corev1.PodScheduled {
			pod.Status.Conditions[i] = scheduled
			return
		}
	}
	pod.Status.Conditions = append(pod.Status.Conditions, scheduled)
}

// evict asks for a pod to leave. It is a delete that a disruption budget may refuse; there are no budgets yet.
func evict(body api.Object) *metav1.DeleteOptions { return body.(*policyv1.Eviction).DeleteOptions }
