package subresources

import (
	"fmt"
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metavalidation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
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
	metadata, target := field.NewPath("metadata"), field.NewPath("target")
	errs := apivalidation.ValidateAnnotations(binding.Annotations, metadata.Child("annotations"))
	errs = append(errs, metavalidation.ValidateLabels(binding.Labels, metadata.Child("labels"))...)
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
	binding := body.(*corev1.Binding)
	pod.Spec.NodeName = binding.Target.Name
	pod.Annotations, pod.Labels = merged(pod.Annotations, binding.Annotations), merged(pod.Labels, binding.Labels)
	setScheduled(pod)
	return nil
}

// merged is into with what a scheduler says of the pod besides.
func merged(into, more map[string]string) map[string]string {
	if into == nil && len(more) > 0 {
		into = map[string]string{}
	}
	maps.Copy(into, more)
	return into
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
