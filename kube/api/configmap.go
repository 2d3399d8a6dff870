package api

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// maxData bounds what one ConfigMap or Secret holds, in bytes: every watcher gets all of it.
const maxData = 1 << 20

// A configMap is configuration that stands apart from the image that reads it.
var configMap = Type[*corev1.ConfigMap]{
	Names: Names{Plural: "configmaps", Short: []string{"cm"}, Namespaced: true},
	Validate: func(m *corev1.ConfigMap) field.ErrorList {
		errs := validateKeys(m.Data, "data")
		for _, key := range slices.Sorted(maps.Keys(m.Data)) {
			if _, twice := m.BinaryData[key]; twice {
				errs = append(errs, field.Invalid(field.NewPath("data").Key(key), key, "duplicate of key present in binaryData"))
			}
		}
		errs = append(errs, validateKeys(m.BinaryData, "binaryData")...)
		return append(errs, validateSize(size(m.Data)+size(m.BinaryData))...)
	},
	ValidateUpdate: func(new, old *corev1.ConfigMap) field.ErrorList {
		return validateImmutable(new.Immutable, old.Immutable,
			change{"data", new.Data, old.Data}, change{"binaryData", new.BinaryData, old.BinaryData})
	},
	Columns: []ColumnOf[*corev1.ConfigMap]{
		{Name: "Data", Type: "string", Value: func(m *corev1.ConfigMap) any { return len(m.Data) + len(m.BinaryData) }},
		AgeColumn[*corev1.ConfigMap](),
	},
}

// validateKeys: a key may become the name of a file.
func validateKeys[V any](data map[string]V, at string) field.ErrorList {
	var errs field.ErrorList
	for _, key := range slices.Sorted(maps.Keys(data)) {
		for _, wrong := range validation.IsConfigMapKey(key) {
			errs = append(errs, field.Invalid(field.NewPath(at).Key(key), key, wrong))
		}
	}
	return errs
}

func size[V ~string | ~[]byte](data map[string]V) int {
	total := 0
	for _, value := range data {
		total += len(value)
	}
	return total
}

func validateSize(total int) field.ErrorList {
	if total <= maxData {
		return nil
	}
	return field.ErrorList{field.TooLong(field.NewPath(""), "", maxData)}
}

// change is a field before and after an update.
type change struct {
	field    string
	new, old any
}

// validateImmutable: what was once declared immutable stays so, and keeps its content. Kubelets rely on that and do not
// look again.
func validateImmutable(new, old *bool, changes ...change) field.ErrorList {
	if old == nil || !*old {
		return nil
	}
	const message = "field is immutable when `immutable` is set"
	var errs field.ErrorList
	if new == nil || !*new {
		errs = append(errs, field.Forbidden(field.NewPath("immutable"), message))
	}
	for _, c := range changes {
		if !equality.Semantic.DeepEqual(c.new, c.old) {
			errs = append(errs, field.Forbidden(field.NewPath(c.field), message))
		}
	}
	return errs
}
