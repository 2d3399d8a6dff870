package podspec

import (
	"kubelab/kube/api"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TemplateColumns are the wide columns of a kind that makes pods: its containers, their images, and the selector by
// which it finds its pods. selector is nil for a kind whose table does not show one.
func TemplateColumns[T api.Object](template func(T) *corev1.PodTemplateSpec, selector func(T) *metav1.LabelSelector) []api.ColumnOf[T] {
	each := func(value func(Member) string) func(T) any {
		return func(o T) any {
			var texts []string
			for _, c := range Members(&template(o).Spec) {
				if c.Role == Main {
					texts = append(texts, value(c))
				}
			}
			return api.Join(texts)
		}
	}
	columns := []api.ColumnOf[T]{
		{Name: "Containers", Type: "string", Wide: true, Value: each(func(c Member) string { return c.Name })},
		{Name: "Images", Type: "string", Wide: true, Value: each(func(c Member) string { return c.Image })},
	}
	if selector != nil {
		columns = append(columns, api.ColumnOf[T]{Name: "Selector", Type: "string", Wide: true, Value: func(o T) any {
			return metav1.FormatLabelSelector(selector(o))
		}})
	}
	return columns
}
