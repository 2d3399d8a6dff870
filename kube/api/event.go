package api

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// An event is a remark about an object, for people. It expires after an hour.
var event = Type[*corev1.Event]{
	Names: Names{Plural: "events", Short: []string{"ev"}, Namespaced: true, Transient: true, Quiet: true},
	Validate: func(e *corev1.Event) field.ErrorList {
		about, path := e.InvolvedObject.Namespace, field.NewPath("involvedObject", "namespace")
		if about == e.Namespace || about == "" && e.Namespace == metav1.NamespaceDefault {
			return nil
		}
		return field.ErrorList{field.Invalid(path, about, "does not match event.namespace")}
	},
	Columns: []ColumnOf[*corev1.Event]{
		{Name: "Last Seen", Type: "string", Value: func(e *corev1.Event) any { return Age(lastSeen(e)) }},
		{Name: "Type", Type: "string", Value: func(e *corev1.Event) any { return e.Type }},
		{Name: "Reason", Type: "string", Value: func(e *corev1.Event) any { return e.Reason }},
		{Name: "Object", Type: "string", Value: func(e *corev1.Event) any { return involved(e) }},
		{Name: "Subobject", Type: "string", Wide: true, Value: func(e *corev1.Event) any { return e.InvolvedObject.FieldPath }},
		{Name: "Source", Type: "string", Wide: true, Value: func(e *corev1.Event) any { return source(e) }},
		{Name: "Message", Type: "string", Value: func(e *corev1.Event) any { return strings.TrimSpace(e.Message) }},
		{Name: "First Seen", Type: "string", Wide: true, Value: func(e *corev1.Event) any { return Age(firstSeen(e)) }},
		{Name: "Count", Type: "string", Wide: true, Value: func(e *corev1.Event) any { return seen(e) }},
		{Name: "Name", Type: "string", Wide: true, Value: func(e *corev1.Event) any { return e.Name }},
	},
}

func firstSeen(e *corev1.Event) metav1.Time {
	if e.FirstTimestamp.IsZero() {
		return metav1.Time{Time: e.EventTime.Time}
	}
	return e.FirstTimestamp
}

func lastSeen(e *corev1.Event) metav1.Time {
	switch {
	case e.Series != nil:
		return metav1.Time{Time: e.Series.LastObservedTime.Time}
	case e.LastTimestamp.IsZero():
		return firstSeen(e)
	}
	return e.LastTimestamp
}

// seen is how often an event happened.
func seen(e *corev1.Event) int64 {
	if e.Series != nil {
		return int64(e.Series.Count)
	}
	return int64(max(e.Count, 1))
}

func involved(e *corev1.Event) string {
	kind := strings.ToLower(e.InvolvedObject.Kind)
	if e.InvolvedObject.Name == "" {
		return kind
	}
	return kind + "/" + e.InvolvedObject.Name
}

func source(e *corev1.Event) string {
	component, host := e.Source.Component, e.Source.Host
	if component == "" {
		component, host = e.ReportingController, e.ReportingInstance
	}
	if host == "" {
		return component
	}
	return component + ", " + host
}
