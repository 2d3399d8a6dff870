package replicationcontrollers

import (
	"maps"

	corev1 "k8s.io/api/core/v1"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metavalidation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"kubelab/kube/api"
	"kubelab/kube/api/podspec"
)

// Kinds is what this concept adds to the API.
var Kinds = []api.Kind{replicationController.Kind()}

var replicationController = api.Type[*corev1.ReplicationController]{
	Names: api.Names{
		Plural: "replicationcontrollers", Short: []string{"rc"}, Categories: []string{"all"},
		Namespaced: true, HasStatus: true, Orphans: true,
	},
	Default:  setDefaults,
	Validate: validate,
	Warn: func(rc *corev1.ReplicationController) []string {
		if rc.Spec.Template == nil {
			return nil
		}
		return podspec.OwnerWarnings(rc.Name, rc.Spec.Template)
	},
	Scale: &api.Scale{
		Get: func(o api.Object) (wanted, actual int32, selector string) {
			rc := o.(*corev1.ReplicationController)
			return *rc.Spec.Replicas, rc.Status.Replicas, labels.SelectorFromSet(rc.Spec.Selector).String()
		},
		Set: func(o api.Object, replicas int32) { o.(*corev1.ReplicationController).Spec.Replicas = &replicas },
	},
	Columns: append([]api.ColumnOf[*corev1.ReplicationController]{
		{Name: "Desired", Type: "integer", Value: func(rc *corev1.ReplicationController) any { return *rc.Spec.Replicas }},
		{Name: "Current", Type: "integer", Value: func(rc *corev1.ReplicationController) any { return rc.Status.Replicas }},
		{Name: "Ready", Type: "integer", Value: func(rc *corev1.ReplicationController) any { return rc.Status.ReadyReplicas }},
		api.AgeColumn[*corev1.ReplicationController](),
	}, podspec.TemplateColumns(
		func(rc *corev1.ReplicationController) *corev1.PodTemplateSpec { return rc.Spec.Template },
		selectorOf)...),
}

func selectorOf(rc *corev1.ReplicationController) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: rc.Spec.Selector}
}

// setDefaults takes the labels of the template where the ReplicationController's own or its selector are left out.
func setDefaults(rc *corev1.ReplicationController) {
	if rc.Spec.Replicas == nil {
		rc.Spec.Replicas = new(int32(1))
	}
	template := rc.Spec.Template
	if template == nil {
		return // validation says so
	}
	if len(rc.Spec.Selector) == 0 {
		rc.Spec.Selector = maps.Clone(template.Labels)
	}
	if len(rc.Labels) == 0 {
		rc.Labels = maps.Clone(template.Labels)
	}
	podspec.DefaultTemplate(template)
}

func validate(rc *corev1.ReplicationController) field.ErrorList {
	spec := field.NewPath("spec")
	errs := apivalidation.ValidateNonnegativeField(int64(*rc.Spec.Replicas), spec.Child("replicas"))
	errs = append(errs, apivalidation.ValidateNonnegativeField(int64(rc.Spec.MinReadySeconds), spec.Child("minReadySeconds"))...)
	errs = append(errs, metavalidation.ValidateLabels(rc.Spec.Selector, spec.Child("selector"))...)
	if len(rc.Spec.Selector) == 0 {
		errs = append(errs, field.Required(spec.Child("selector"), ""))
	}
	if rc.Spec.Template == nil {
		return append(errs, field.Required(spec.Child("template"), ""))
	}
	return append(errs, podspec.ValidateReplicaTemplate(rc.Spec.Template, selectorOf(rc), "ReplicationController", spec.Child("template"))...)
}
