package operator

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

type (
	object        = metav1.Object
	managedFields = metav1.ManagedFieldsEntry
)

// Self is the key of the object itself.
func Self[T object](o T) []Key { return []Key{{Namespace: o.GetNamespace(), Name: o.GetName()}} }

// Owner is the key of the object's controlling owner, if that is of the given kind.
func Owner[T object](kind string) func(T) []Key {
	return func(o T) []Key {
		if owner := metav1.GetControllerOf(o); owner != nil && owner.Kind == kind {
			return []Key{{Namespace: o.GetNamespace(), Name: owner.Name}}
		}
		return nil
	}
}
