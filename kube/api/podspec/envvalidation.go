package podspec

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"kubelab/kube/api"
)

func validateEnv(vars []corev1.EnvVar, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i, env := range vars {
		at := path.Index(i)
		if env.Name == "" {
			errs = append(errs, field.Required(at.Child("name"), ""))
		} else {
			errs = append(errs, invalidIf(validation.IsRelaxedEnvVarName(env.Name), env.Name, at.Child("name"))...)
		}
		if env.ValueFrom != nil {
			errs = append(errs, validateEnvSource(env, at.Child("valueFrom"))...)
		}
	}
	return errs
}

func validateEnvSource(env corev1.EnvVar, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	sources, from := 0, env.ValueFrom
	if from.FieldRef != nil {
		sources++
		errs = append(errs, validateFieldRef(from.FieldRef, podFields, path.Child("fieldRef"))...)
	}
	if from.ResourceFieldRef != nil {
		sources++
		errs = append(errs, validateResourceFieldRef(from.ResourceFieldRef, path.Child("resourceFieldRef"))...)
	}
	if ref := from.ConfigMapKeyRef; ref != nil {
		sources++
		errs = append(errs, validateKeyRef(ref.Name, ref.Key, path.Child("configMapKeyRef"))...)
	}
	if ref := from.SecretKeyRef; ref != nil {
		sources++
		errs = append(errs, validateKeyRef(ref.Name, ref.Key, path.Child("secretKeyRef"))...)
	}
	if from.FileKeyRef != nil {
		sources++
		errs = append(errs, field.Forbidden(path.Child("fileKeyRef"), api.NotYet))
	}
	switch {
	case sources == 0:
		errs = append(errs, field.Invalid(path, "",
			"must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"))
	case env.Value != "":
		errs = append(errs, field.Invalid(path, "", "may not be specified when `value` is not empty"))
	case sources > 1:
		errs = append(errs, field.Invalid(path, "", "may not have more than one field specified at a time"))
	}
	return errs
}

func validateKeyRef(name, key string, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if name == "" {
		errs = append(errs, field.Required(path.Child("name"), ""))
	}
	if key == "" {
		return append(errs, field.Required(path.Child("key"), ""))
	}
	return append(errs, invalidIf(validation.IsConfigMapKey(key), key, path.Child("key"))...)
}

// The fields of its own pod that a container can read from its environment.
var podFields = []string{
	"metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName",
	"status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs",
}

// validateFieldRef wants a field of the pod that is among supported, or one label or annotation.
func validateFieldRef(ref *corev1.ObjectFieldSelector, supported []string, path *field.Path) field.ErrorList {
	at := path.Child("fieldPath")
	switch {
	case ref.APIVersion != "v1":
		return field.ErrorList{field.Invalid(path.Child("apiVersion"), ref.APIVersion, "must be v1")}
	case ref.FieldPath == "":
		return field.ErrorList{field.Required(at, "")}
	}
	parent, key, subscripted := SplitSubscript(ref.FieldPath)
	switch {
	case !subscripted:
		return oneOf(ref.FieldPath, at, supported...)
	case parent == "metadata.labels":
		return invalidIf(validation.IsQualifiedName(key), ref.FieldPath, at)
	case parent == "metadata.annotations":
		return invalidIf(validation.IsQualifiedName(strings.ToLower(key)), ref.FieldPath, at)
	}
	return field.ErrorList{field.Invalid(at, ref.FieldPath, "does not support subscript")}
}

// SplitSubscript takes metadata.labels['app'] apart into metadata.labels and app. It returns false where there is
// no subscript.
func SplitSubscript(fieldPath string) (parent, key string, subscripted bool) {
	rest, ok := strings.CutSuffix(fieldPath, "']")
	if !ok {
		return fieldPath, "", false
	}
	return strings.Cut(rest, "['")
}

// The resources of its own that a container can read from its environment.
var containerResources = []string{
	"limits.cpu", "limits.ephemeral-storage", "limits.memory",
	"requests.cpu", "requests.ephemeral-storage", "requests.memory",
}

func validateResourceFieldRef(ref *corev1.ResourceFieldSelector, path *field.Path) field.ErrorList {
	errs := oneOf(ref.Resource, path.Child("resource"), containerResources...)
	if ref.Resource == "limits.ephemeral-storage" { // a container has no such limit, and it is not known what a node has
		errs = append(errs, field.Forbidden(path.Child("resource"), api.NotYet))
	}
	if len(errs) > 0 || ref.Divisor.IsZero() {
		return errs
	}
	_, resource, _ := strings.Cut(ref.Resource, ".")
	if known := divisors[resource]; !slices.Contains(known.values, ref.Divisor.String()) {
		last := len(known.values) - 1
		errs = append(errs, field.Invalid(path.Child("divisor"), ref.Resource, fmt.Sprintf("only divisor's values %s and %s are supported with the %s resource",
			strings.Join(known.values[:last], ", "), known.values[last], known.name)))
	}
	return errs
}

// sizes are the units in which a number of bytes can be read.
var sizes = []string{"1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"}

// divisors are the units in which a container can read its resources.
var divisors = map[string]struct {
	name   string
	values []string
}{"cpu": {"cpu", []string{"1m", "1"}}, "memory": {"memory", sizes}, "ephemeral-storage": {"local ephemeral storage", sizes}}

func validateEnvFrom(sources []corev1.EnvFromSource, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i, source := range sources {
		at := path.Index(i)
		if source.Prefix != "" {
			errs = append(errs, invalidIf(validation.IsRelaxedEnvVarName(source.Prefix), source.Prefix, at.Child("prefix"))...)
		}
		switch {
		case source.ConfigMapRef == nil && source.SecretRef == nil:
			errs = append(errs, field.Invalid(at, "", "must specify one of: `configMapRef` or `secretRef`"))
		case source.ConfigMapRef != nil && source.SecretRef != nil:
			errs = append(errs, field.Invalid(at, "", "may not have more than one field specified at a time"))
		case source.ConfigMapRef != nil:
			errs = append(errs, validateRefName(source.ConfigMapRef.Name, at.Child("configMapRef", "name"))...)
		default:
			errs = append(errs, validateRefName(source.SecretRef.Name, at.Child("secretRef", "name"))...)
		}
	}
	return errs
}

func validateRefName(name string, path *field.Path) field.ErrorList {
	if name == "" {
		return field.ErrorList{field.Required(path, "")}
	}
	return invalidIf(apivalidation.NameIsDNSSubdomain(name, false), name, path)
}
