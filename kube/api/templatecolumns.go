package api

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TemplateColumns are the wide columns of a kind that makes pods: its containers, their images, and the selector by
// which it finds its pods. selector is nil for a kind whose table does not show one.
func TemplateColumns[T Object](template func(T) *corev1.PodTemplateSpec, selector func(T) *metav1.LabelSelector) []ColumnOf[T] {
	each := func(value func(corev1.Container) string) func(T) any {
		return func(o T) any {
			var texts []string
			for _, c := range template(o).Spec.Containers {
				texts = append(texts, value(c))
			}
			return Join(texts)
		}
	}
	columns := []ColumnOf[T]{
		{Name: "Containers", Type: "string", Wide: true, Value: each(func(c corev1.Container) string { return c.Name })},
		{Name: "Images", Type: "string", Wide: true, Value: each(func(c corev1.Container) string { return c.Image })},
	}
	if selector != nil {
		columns = append(columns, ColumnOf[T]{Name: "Selector", Type: "string", Wide: true, Value: func(o T) any {
			return metav1.FormatLabelSelector(selector(o))
		}})
	}
	return columns
}
