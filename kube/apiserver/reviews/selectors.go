package reviews

import (
	"fmt"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// maxRequirements is how many terms a selector of a review may have.
const maxRequirements = 1000

// validateSelectors says what is wrong with the selectors by which a question is limited. A rule allows all objects of a kind or those that it
// names: a selector by labels leads to no other answer.
func validateSelectors(what *authorizationv1.ResourceAttributes, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if selector := what.FieldSelector; selector != nil {
		at := path.Child("fieldSelector")
		errs = append(errs, validateForm(selector.RawSelector, len(selector.Requirements), at)...)
		for i, term := range selector.Requirements[:min(len(selector.Requirements), maxRequirements)] {
			errs = append(errs, validateTerm(term, at.Child("requirements").Index(i))...)
		}
	}
	if selector := what.LabelSelector; selector != nil {
		at := path.Child("labelSelector")
		errs = append(errs, validateForm(selector.RawSelector, len(selector.Requirements), at)...)
		for i, term := range selector.Requirements[:min(len(selector.Requirements), maxRequirements)] {
			errs = append(errs, validation.ValidateLabelSelectorRequirement(term, validation.LabelSelectorValidationOptions{}, at.Child("requirements").Index(i))...)
		}
	}
	return errs
}

// validateForm: a selector is said in one of two ways.
func validateForm(raw string, terms int, path *field.Path) field.ErrorList {
	switch {
	case raw != "" && terms > 0:
		return field.ErrorList{field.Invalid(path.Child("rawSelector"), raw, "may not specified at the same time as requirements")}
	case raw == "" && terms == 0:
		return field.ErrorList{field.Required(path.Child("requirements"), "when "+path.String()+" is specified, requirements or rawSelector is required")}
	case terms > maxRequirements:
		return field.ErrorList{field.TooMany(path.Child("requirements"), terms, maxRequirements)}
	}
	return nil
}

func validateTerm(term metav1.FieldSelectorRequirement, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if term.Key == "" {
		errs = append(errs, field.Required(path.Child("key"), "must be specified"))
	}
	switch term.Operator {
	case metav1.FieldSelectorOpIn, metav1.FieldSelectorOpNotIn:
		if len(term.Values) == 0 {
			errs = append(errs, field.Required(path.Child("values"), "must be specified when `operator` is 'In' or 'NotIn'"))
		}
	case metav1.FieldSelectorOpExists, metav1.FieldSelectorOpDoesNotExist:
		if len(term.Values) > 0 {
			errs = append(errs, field.Forbidden(path.Child("values"), "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"))
		}
	default:
		errs = append(errs, field.Invalid(path.Child("operator"), term.Operator, fmt.Sprintf("not a valid selector operator: %q", term.Operator)))
	}
	return errs
}

// exactly is the one value to which a selector limits a field; empty: it does not.
func exactly(selector *authorizationv1.FieldSelectorAttributes, name string) string {
	if parsed, err := fields.ParseSelector(selector.RawSelector); err == nil && selector.RawSelector != "" {
		value, _ := parsed.RequiresExactMatch(name)
		return value
	}
	for _, term := range selector.Requirements {
		if term.Key == name && term.Operator == metav1.FieldSelectorOpIn && len(term.Values) == 1 {
			return term.Values[0]
		}
	}
	return ""
}
