package request

import (
	"fmt"
	"reflect"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"

	"kubelab/kube/api"
)

// Selector picks objects by labels and by fields.
type Selector struct {
	labels labels.Selector
	fields fields.Selector
}

// Selector takes the selectors of the options. Any field of the kind can be selected by, if its value is a text, a number or a truth
// value. One of another field, or of too many terms and values, is a bad request.
func (o *Options) Selector(kind *api.Kind) (Selector, error) {
	selected := Selector{labels.Everything(), fields.Everything()}
	if o.List.LabelSelector != nil {
		selected.labels = o.List.LabelSelector
	}
	if o.List.FieldSelector != nil {
		selected.fields = o.List.FieldSelector
	}
	if selected.size() > maxTerms {
		return Selector{}, apierrors.NewBadRequest(fmt.Sprintf("a selector may have %d terms and values", maxTerms))
	}
	for _, requirement := range selected.fields.Requirements() {
		if _, ok := fieldValue(kind.New(), requirement.Field); !ok {
			return Selector{}, apierrors.NewBadRequest(fmt.Sprintf("field label not supported: %s", requirement.Field))
		}
	}
	return selected, nil
}

// size is how much each object is held against: the terms, and the values beyond the first of each.
func (s Selector) size() int {
	size := len(s.fields.Requirements())
	terms, _ := s.labels.Requirements()
	for _, term := range terms {
		size += max(1, len(term.ValuesUnsorted()))
	}
	return size
}

// Empty says whether all objects are picked.
func (s Selector) Empty() bool { return s.labels.Empty() && s.fields.Empty() }

// Matches says whether an object is picked.
func (s Selector) Matches(object api.Object) bool {
	return s.labels.Matches(labels.Set(object.GetLabels())) && (s.fields.Empty() || s.fields.Matches(fieldsOf{object}))
}

// fieldsOf lets a field selector look into an object.
type fieldsOf struct{ object api.Object }

func (f fieldsOf) Has(name string) bool {
	_, ok := fieldValue(f.object, name)
	return ok
}

func (f fieldsOf) Get(name string) string {
	value, _ := fieldValue(f.object, name)
	return value
}

// fieldValue is the value at a path of JSON names, such as status.phase.
func fieldValue(object api.Object, path string) (string, bool) {
	value := reflect.ValueOf(object)
	for _, name := range strings.Split(path, ".") {
		for value.Kind() == reflect.Pointer {
			if value.IsNil() {
				value = reflect.Zero(value.Type().Elem()) // what is absent is empty
				continue
			}
			value = value.Elem()
		}
		if value.Kind() != reflect.Struct {
			return "", false
		}
		if value = jsonField(value, name); !value.IsValid() {
			return "", false
		}
	}
	switch value.Kind() {
	case reflect.String, reflect.Bool, reflect.Int32, reflect.Int64:
		return fmt.Sprint(value.Interface()), true
	}
	return "", false
}

// jsonField is the field of a struct that has the given name in JSON; embedded structs are looked through.
func jsonField(value reflect.Value, name string) reflect.Value {
	for i := range value.NumField() {
		tag, options, _ := strings.Cut(value.Type().Field(i).Tag.Get("json"), ",")
		if tag == name {
			return value.Field(i)
		}
		if tag == "" && options == "inline" {
			if found := jsonField(value.Field(i), name); found.IsValid() {
				return found
			}
		}
	}
	return reflect.Value{}
}
