package serviceaccounts

import (
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"

	"kubelab/kube/api"
)

// Kinds are the kinds of this room.
var Kinds = []api.Kind{serviceAccount.Kind()}

// A serviceAccount is who a program in a pod is.
var serviceAccount = api.Type[*corev1.ServiceAccount]{
	Names: api.Names{Plural: "serviceaccounts", Short: []string{"sa"}, Namespaced: true},
	Subresources: []api.Subresource{
		{Name: "token", Body: authenticationv1.SchemeGroupVersion.WithKind("TokenRequest"), Verbs: []string{"create"}, Issues: true},
	},
	Columns: []api.ColumnOf[*corev1.ServiceAccount]{
		{Name: "Secrets", Type: "string", Value: func(a *corev1.ServiceAccount) any { return len(a.Secrets) }},
		api.AgeColumn[*corev1.ServiceAccount](),
	},
}
