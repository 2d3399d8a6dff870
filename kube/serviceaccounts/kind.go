package serviceaccounts

import (
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

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
	Validate: func(a *corev1.ServiceAccount) field.ErrorList {
		if len(a.ImagePullSecrets) > 0 {
			return field.ErrorList{field.Forbidden(field.NewPath("imagePullSecrets"), api.NotYet)}
		}
		return nil
	},
	Columns: []api.ColumnOf[*corev1.ServiceAccount]{
		{Name: "Secrets", Type: "string", Value: func(a *corev1.ServiceAccount) any { return len(a.Secrets) }},
		api.AgeColumn[*corev1.ServiceAccount](),
	},
}
