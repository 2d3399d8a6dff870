package rbac

import (
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ReconcileRole is a role of every cluster as it is to be, out of what there is: what it lacks is added, and what somebody has added stays.
// It is nil where there is nothing to do, as for a role whose annotation says that it is not to be kept up to date.
func ReconcileRole(wanted, have *rbacv1.ClusterRole) *rbacv1.ClusterRole {
	if have.Annotations[rbacv1.AutoUpdateAnnotationKey] == "false" {
		return nil
	}
	role := have.DeepCopy()
	addMetadata(&role.ObjectMeta, wanted.ObjectMeta)
	if wanted.AggregationRule == nil {
		role.AggregationRule = nil
		role.Rules = append(role.Rules, Missing(have.Rules, wanted.Rules)...)
	} else {
		role.AggregationRule = addSelectors(role.AggregationRule, wanted.AggregationRule.ClusterRoleSelectors)
	}
	if apiequality.Semantic.DeepEqual(role, have) {
		return nil
	}
	return role
}

// Replaces says whether a binding of every cluster is to be made anew in the place of what there is: that names another role, which cannot be
// changed.
func Replaces(wanted, have *rbacv1.ClusterRoleBinding) bool {
	return have.RoleRef != wanted.RoleRef && have.Annotations[rbacv1.AutoUpdateAnnotationKey] != "false"
}

// ReconcileBinding is a binding of every cluster as it is to be, out of what there is, or nil as for [ReconcileRole]. Of one that names another
// role [Replaces] speaks.
func ReconcileBinding(wanted, have *rbacv1.ClusterRoleBinding) *rbacv1.ClusterRoleBinding {
	if have.Annotations[rbacv1.AutoUpdateAnnotationKey] == "false" || have.RoleRef != wanted.RoleRef {
		return nil
	}
	binding := have.DeepCopy()
	addMetadata(&binding.ObjectMeta, wanted.ObjectMeta)
	for _, subject := range wanted.Subjects {
		if !slices.Contains(binding.Subjects, subject) {
			binding.Subjects = append(binding.Subjects, subject)
		}
	}
	if apiequality.Semantic.DeepEqual(binding, have) {
		return nil
	}
	return binding
}

func addSelectors(have *rbacv1.AggregationRule, wanted []metav1.LabelSelector) *rbacv1.AggregationRule {
	if have == nil {
		have = &rbacv1.AggregationRule{}
	}
	for _, selector := range wanted {
		same := func(known metav1.LabelSelector) bool { return apiequality.Semantic.DeepEqual(known, selector) }
		if !slices.ContainsFunc(have.ClusterRoleSelectors, same) {
			have.ClusterRoleSelectors = append(have.ClusterRoleSelectors, selector)
		}
	}
	return have
}

// addMetadata adds labels and annotations that are missing. What somebody has set to another value stays.
func addMetadata(have *metav1.ObjectMeta, wanted metav1.ObjectMeta) {
	add := func(have map[string]string, wanted map[string]string) map[string]string {
		if have == nil {
			have = map[string]string{}
		}
		for key, value := range wanted {
			if _, set := have[key]; !set {
				have[key] = value
			}
		}
		return have
	}
	have.Labels, have.Annotations = add(have.Labels, wanted.Labels), add(have.Annotations, wanted.Annotations)
}
