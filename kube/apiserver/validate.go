package apiserver

import (
	"reflect"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"kubelab/kube/api"
)

var namespaces = schema.GroupResource{Resource: "namespaces"}

// validate says everything that is wrong with an object, in one answer. old is nil on create.
func validate(kind *api.Kind, object, old api.Object) error {
	path := field.NewPath("metadata")
	var problems field.ErrorList
	if old == nil {
		problems = validation.ValidateObjectMetaAccessor(object, kind.Namespaced, nameRule(kind), path)
	} else {
		problems = validation.ValidateObjectMetaAccessorUpdate(object, old, path)
	}
	if kind.Validate != nil {
		problems = append(problems, kind.Validate(object)...)
	}
	if old != nil && kind.ValidateUpdate != nil {
		problems = append(problems, kind.ValidateUpdate(object, old)...)
	}
	if len(problems) > 0 {
		return apierrors.NewInvalid(kind.GroupKind(), object.GetName(), problems)
	}
	return nil
}

// warnAbout tells the client what the kind has to say of an object, on create (old is nil) and when its spec changes.
func (c *call) warnAbout(object, old api.Object) {
	if c.kind.Warn == nil || c.subresource != "" || old != nil && sameSpec(object, old) {
		return
	}
	for _, warning := range c.kind.Warn(object) {
		c.warn(warning)
	}
}

// nameRule is what a name may look like. Names that become DNS labels are stricter.
func nameRule(kind *api.Kind) validation.ValidateNameFunc {
	switch kind.Plural {
	case "namespaces":
		return validation.ValidateNamespaceName
	case "services":
		return validation.NameIsDNS1035Label
	}
	return validation.NameIsDNSSubdomain
}

// specField is the object's spec, if its kind has both a spec and a status: then it has a generation.
func specField(object api.Object) reflect.Value {
	value := reflect.ValueOf(object).Elem()
	if !value.FieldByName("Status").IsValid() {
		return reflect.Value{}
	}
	return value.FieldByName("Spec")
}

func clearStatus(object api.Object) {
	if status := reflect.ValueOf(object).Elem().FieldByName("Status"); status.IsValid() {
		status.SetZero()
	}
}

// keep copies the named part ("Status") of old into object.
func keep(part string, object, old api.Object) {
	reflect.ValueOf(object).Elem().FieldByName(part).Set(reflect.ValueOf(old).Elem().FieldByName(part))
}

func sameSpec(a, b api.Object) bool {
	return apiequality.Semantic.DeepEqual(specField(a).Interface(), specField(b).Interface())
}

// keepAll makes object the same as other.
func keepAll(object, other api.Object) {
	reflect.ValueOf(object).Elem().Set(reflect.ValueOf(other).Elem())
}
