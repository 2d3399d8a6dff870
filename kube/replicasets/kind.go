package replicasets

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"kubelab/kube/api"
	"kubelab/kube/api/podspec"
)

// Kinds is what this concept adds to the API.
var Kinds = []api.Kind{replicaSet.Kind()}

// controller is the kind that a ReplicaSet's pods name as their owner's.
var controller = appsv1.SchemeGroupVersion.WithKind("ReplicaSet")

var replicaSet = api.Type[*appsv1.ReplicaSet]{
	Names: api.Names{
		Plural: "replicasets", Short: []string{"rs"}, Categories: []string{"all"},
		Namespaced: true, HasStatus: true,
	},
	Default:  setDefaults,
	Validate: validate,
	ValidateUpdate: func(new, old *appsv1.ReplicaSet) field.ErrorList {
		return apivalidation.ValidateImmutableField(new.Spec.Selector, old.Spec.Selector, field.NewPath("spec", "selector"))
	},
	Warn: func(rs *appsv1.ReplicaSet) []string { return podspec.OwnerWarnings(rs.Name, &rs.Spec.Template) },
	Scale: &api.Scale{
		Get: func(o api.Object) (wanted, actual int32, selector string) {
			rs := o.(*appsv1.ReplicaSet)
			return *rs.Spec.Replicas, rs.Status.Replicas, metav1.FormatLabelSelector(rs.Spec.Selector)
		},
		Set: func(o api.Object, replicas int32) { o.(*appsv1.ReplicaSet).Spec.Replicas = &replicas },
	},
	Columns: append([]api.ColumnOf[*appsv1.ReplicaSet]{
		{Name: "Desired", Type: "integer", Value: func(rs *appsv1.ReplicaSet) any { return *rs.Spec.Replicas }},
		{Name: "Current", Type: "integer", Value: func(rs *appsv1.ReplicaSet) any { return rs.Status.Replicas }},
		{Name: "Ready", Type: "integer", Value: func(rs *appsv1.ReplicaSet) any { return rs.Status.ReadyReplicas }},
		api.AgeColumn[*appsv1.ReplicaSet](),
	}, podspec.TemplateColumns(
		func(rs *appsv1.ReplicaSet) *corev1.PodTemplateSpec { return &rs.Spec.Template },
		func(rs *appsv1.ReplicaSet) *metav1.LabelSelector { return rs.Spec.Selector })...),
}

func setDefaults(rs *appsv1.ReplicaSet) {
	if rs.Spec.Replicas == nil {
		rs.Spec.Replicas = new(int32(1))
	}
	podspec.DefaultTemplate(&rs.Spec.Template)
}

func validate(rs *appsv1.ReplicaSet) field.ErrorList {
	spec := field.NewPath("spec")
	errs := apivalidation.ValidateNonnegativeField(int64(*rs.Spec.Replicas), spec.Child("replicas"))
	errs = append(errs, apivalidation.ValidateNonnegativeField(int64(rs.Spec.MinReadySeconds), spec.Child("minReadySeconds"))...)
	errs = append(errs, podspec.ValidateSelector(rs.Spec.Selector, "ReplicaSet", spec.Child("selector"))...)
	return append(errs, podspec.ValidateReplicaTemplate(&rs.Spec.Template, rs.Spec.Selector, "ReplicaSet", spec.Child("template"))...)
}
