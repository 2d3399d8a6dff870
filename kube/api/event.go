package api

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"
)

// An event is a remark about an object, for people. It expires after an hour.
var event = Type[*corev1.Event]{
	Names:    Names{Plural: "events", Short: []string{"ev"}, Namespaced: true, Transient: true, Quiet: true},
	Validate: func(e *corev1.Event) field.ErrorList { return append(validateEventSize(e), validateEvent(e)...) },
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

// What an event may hold, in bytes. Every part of the cluster may write events, and they are kept for an hour.
const (
	// MaxEventMessage is as upstream has it for events of the newer kind, those with an eventTime. Upstream has no limit for the others.
	MaxEventMessage = 1 << 10
	maxOldMessage   = 8 << 10
	maxEventWord    = 128 // as upstream
	maxEventName    = 1 << 10
	maxEventExtras  = 8 << 10 // labels and annotations
)

// validateEventSize bounds what is text in an event.
func validateEventSize(e *corev1.Event) field.ErrorList {
	var errs field.ErrorList
	about, source, related := field.NewPath("involvedObject"), field.NewPath("source"), ptr.Deref(e.Related, corev1.ObjectReference{})
	for _, text := range []struct {
		path *field.Path
		is   string
		most int
	}{
		{field.NewPath("reason"), e.Reason, maxEventWord}, {field.NewPath("action"), e.Action, maxEventWord}, {field.NewPath("type"), e.Type, maxEventWord},
		{field.NewPath("message"), e.Message, maxMessage(e)},
		{field.NewPath("reportingComponent"), e.ReportingController, maxEventName}, {field.NewPath("reportingInstance"), e.ReportingInstance, maxEventWord},
		{source.Child("component"), e.Source.Component, maxEventName}, {source.Child("host"), e.Source.Host, maxEventName},
		{about, refText(e.InvolvedObject), maxEventName}, {field.NewPath("related"), refText(related), maxEventName},
		{field.NewPath("metadata"), mapText(e.Labels) + mapText(e.Annotations), maxEventExtras},
	} {
		if len(text.is) > text.most {
			errs = append(errs, field.Invalid(text.path, "", fmt.Sprintf("can have at most %d characters", text.most)))
		}
	}
	return errs
}

func maxMessage(e *corev1.Event) int {
	if e.EventTime.IsZero() {
		return maxOldMessage
	}
	return MaxEventMessage
}

func refText(ref corev1.ObjectReference) string {
	return ref.Kind + ref.Namespace + ref.Name + string(ref.UID) + ref.APIVersion + ref.ResourceVersion + ref.FieldPath
}

func mapText(entries map[string]string) string {
	var text strings.Builder
	for key, value := range entries {
		text.WriteString(key + value)
	}
	return text.String()
}

// validateEvent asks more of an event with an eventTime than of one without, which clients of old make.
func validateEvent(e *corev1.Event) field.ErrorList {
	about, path := e.InvolvedObject.Namespace, field.NewPath("involvedObject", "namespace")
	if e.EventTime.IsZero() {
		if about == e.Namespace || about == "" && e.Namespace == metav1.NamespaceDefault {
			return nil
		}
		return field.ErrorList{field.Invalid(path, about, "does not match event.namespace")}
	}
	var errs field.ErrorList
	if about == "" && e.Namespace != metav1.NamespaceDefault && e.Namespace != metav1.NamespaceSystem {
		errs = append(errs, field.Invalid(path, about, "does not match event.namespace"))
	}
	for _, needed := range []struct{ name, is string }{
		{"reportingComponent", e.ReportingController}, {"reportingInstance", e.ReportingInstance}, {"action", e.Action}, {"reason", e.Reason},
	} {
		if needed.is == "" {
			errs = append(errs, field.Required(field.NewPath(needed.name), ""))
		}
	}
	for _, message := range validation.IsQualifiedName(e.ReportingController) {
		if e.ReportingController != "" {
			errs = append(errs, field.Invalid(field.NewPath("reportingComponent"), e.ReportingController, message))
		}
	}
	return errs
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
