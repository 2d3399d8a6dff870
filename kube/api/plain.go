package api

import (
	coordinationv1 "k8s.io/api/coordination/v1"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Kinds are those that have no behaviour of their own: others read them.
var Kinds = []Kind{configMap.Kind(), secret.Kind(), event.Kind(), lease.Kind()}

// A lease says who holds something, and until when: a node its place in the cluster, a component its
// leadership.
var lease = Type[*coordinationv1.Lease]{
	Names: Names{Plural: "leases", Namespaced: true, Quiet: true},
	Validate: func(l *coordinationv1.Lease) field.ErrorList {
		var errs field.ErrorList
		spec := field.NewPath("spec")
		if seconds := l.Spec.LeaseDurationSeconds; seconds != nil && *seconds <= 0 {
			errs = append(errs, field.Invalid(spec.Child("leaseDurationSeconds"), *seconds, "must be greater than 0"))
		}
		if changes := l.Spec.LeaseTransitions; changes != nil && *changes < 0 {
			errs = append(errs, field.Invalid(spec.Child("leaseTransitions"), *changes, apivalidation.IsNegativeErrorMsg))
		}
		return errs
	},
	Columns: []ColumnOf[*coordinationv1.Lease]{
		{Name: "Holder", Type: "string", Value: func(l *coordinationv1.Lease) any {
			if l.Spec.HolderIdentity == nil {
				return ""
			}
			return *l.Spec.HolderIdentity
		}},
		AgeColumn[*coordinationv1.Lease](),
	},
}
