package api

import (
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/duration"
)

// Age is how long ago t was, in the short form of kubectl: 5d, 3h, 42s.
func Age(t metav1.Time) string {
	if t.IsZero() {
		return "<unknown>"
	}
	return duration.HumanDuration(time.Since(t.Time))
}

// AgeColumn is the column that most kinds end with.
func AgeColumn[T Object]() ColumnOf[T] {
	return ColumnOf[T]{Name: "Age", Type: "string", Value: func(o T) any { return Age(o.GetCreationTimestamp()) }}
}

// OrNone is how a table shows an empty text.
func OrNone(text string) string {
	if text == "" {
		return "<none>"
	}
	return text
}

// Join is how a table shows a list.
func Join(texts []string) string { return OrNone(strings.Join(texts, ",")) }
