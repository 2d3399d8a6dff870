package garbage

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubelab/kube/api"
)

// Kinds are the kinds of this room.
var Kinds = []api.Kind{namespace.Kind()}

// A namespace is a room for names, and what is in it goes when it goes. Its finalizer "kubernetes" keeps the
// room standing until it is empty.
var namespace = api.Type[*corev1.Namespace]{
	Names: api.Names{Plural: "namespaces", Short: []string{"ns"}, HasStatus: true, NameRule: validation.ValidateNamespaceName},
	Default: func(ns *corev1.Namespace) {
		if ns.Labels == nil {
			ns.Labels = map[string]string{}
		}
		ns.Labels[corev1.LabelMetadataName] = ns.Name // so that selectors can pick namespaces by name
	},
	Prepare: func(ns, old *corev1.Namespace) {
		if old != nil {
			ns.Spec.Finalizers = old.Spec.Finalizers // they change through the finalize subresource only
		} else if !slices.Contains(ns.Spec.Finalizers, corev1.FinalizerKubernetes) {
			ns.Spec.Finalizers = append(ns.Spec.Finalizers, corev1.FinalizerKubernetes)
		}
		ns.Status.Phase = corev1.NamespaceActive
		if ns.DeletionTimestamp != nil {
			ns.Status.Phase = corev1.NamespaceTerminating
		}
	},
	Held: func(ns *corev1.Namespace) bool { return len(ns.Spec.Finalizers) > 0 },
	Protect: func(ns *corev1.Namespace) string {
		if slices.Contains([]string{metav1.NamespaceDefault, metav1.NamespaceSystem, metav1.NamespacePublic}, ns.Name) {
			return "this namespace may not be deleted"
		}
		return ""
	},
	Subresources: []api.Subresource{{
		// The finalizers in the spec are set here, and nothing else. When the last is off, the namespace is gone.
		Name: "finalize", Body: corev1.SchemeGroupVersion.WithKind("Namespace"), Verbs: []string{"update"},
		Change: func(object, body api.Object) error {
			object.(*corev1.Namespace).Spec.Finalizers = body.(*corev1.Namespace).Spec.Finalizers
			return nil
		},
	}},
	Columns: []api.ColumnOf[*corev1.Namespace]{
		{Name: "Status", Type: "string", Value: func(ns *corev1.Namespace) any { return string(ns.Status.Phase) }},
		api.AgeColumn[*corev1.Namespace](),
	},
}
