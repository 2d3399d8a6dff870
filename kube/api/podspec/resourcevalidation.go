package podspec

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"kubelab/kube/api"
)

func validateResources(r *corev1.ResourceRequirements, path *field.Path) field.ErrorList {
	limits, requests := path.Child("limits"), path.Child("requests")
	var errs field.ErrorList
	if len(r.Claims) > 0 {
		errs = append(errs, field.Forbidden(path.Child("claims"), api.NotYet))
	}
	if _, limited := r.Limits[corev1.ResourceEphemeralStorage]; limited {
		errs = append(errs, field.Forbidden(limits.Key(string(corev1.ResourceEphemeralStorage)), api.NotYet))
	}
	for _, name := range inOrder(r.Limits) {
		errs = append(errs, validateQuantity(name, r.Limits[name], limits.Key(string(name)))...)
	}
	for _, name := range inOrder(r.Requests) {
		request := r.Requests[name]
		errs = append(errs, validateQuantity(name, request, requests.Key(string(name)))...)
		limit, limited := r.Limits[name]
		switch {
		case !limited && countable(name):
			errs = append(errs, field.Required(limits, "Limit must be set for non overcommitable resources"))
		case limited && countable(name) && request.Cmp(limit) != 0:
			errs = append(errs, field.Invalid(requests, request.String(), fmt.Sprintf("must be equal to %s limit of %s", name, &limit)))
		case limited && request.Cmp(limit) > 0:
			errs = append(errs, field.Invalid(requests, request.String(), fmt.Sprintf("must be less than or equal to %s limit of %s", name, &limit)))
		}
	}
	return errs
}

// validateQuantity is about one resource. Besides those that every node has, there are extended ones, whose names carry
// a domain and which are counted in whole pieces.
func validateQuantity(name corev1.ResourceName, quantity resource.Quantity, path *field.Path) field.ErrorList {
	errs := invalidIf(validation.IsQualifiedName(string(name)), string(name), path)
	switch {
	case countable(name):
		if quantity.MilliValue()%1000 != 0 {
			errs = append(errs, field.Invalid(path, quantity.String(), "must be an integer"))
		}
	case name != corev1.ResourceCPU && name != corev1.ResourceMemory && name != corev1.ResourceEphemeralStorage:
		errs = append(errs, field.Invalid(path, string(name), "must be a standard resource for containers"))
	}
	if quantity.Sign() < 0 {
		errs = append(errs, field.Invalid(path, quantity.String(), apivalidation.IsNegativeErrorMsg))
	}
	return errs
}

// countable tells an extended resource (example.com/gpu), of which nobody gets more than is there.
func countable(name corev1.ResourceName) bool { return strings.Contains(string(name), "/") }

func inOrder(list corev1.ResourceList) []corev1.ResourceName { return slices.Sorted(maps.Keys(list)) }
