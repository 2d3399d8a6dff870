package discovery

import (
	"reflect"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"

	"kubelab/kube/api"
)

// typeDescriber holds the schemas of Go types by name.
type typeDescriber map[string]map[string]any

// special are the types whose JSON is not what their fields say.
var special = map[reflect.Type]map[string]any{
	reflect.TypeFor[metav1.Time]():          {"type": "string", "format": "date-time"},
	reflect.TypeFor[metav1.MicroTime]():     {"type": "string", "format": "date-time"},
	reflect.TypeFor[metav1.Duration]():      {"type": "string"},
	reflect.TypeFor[metav1.FieldsV1]():      {"type": "object"},
	reflect.TypeFor[runtime.RawExtension](): {"type": "object"},
	reflect.TypeFor[resource.Quantity]():    {"oneOf": []any{map[string]any{"type": "string"}, map[string]any{"type": "number"}}},
	reflect.TypeFor[intstr.IntOrString](): {
		"format": "int-or-string", "oneOf": []any{map[string]any{"type": "integer"}, map[string]any{"type": "string"}}},
}

// describeKind adds a kind, and every type that it contains.
func (d typeDescriber) describeKind(kind api.Kind) {
	d.reference(kind.New())
	d[typeName(reflect.TypeOf(kind.New()).Elem())]["x-kubernetes-group-version-kind"] = []any{
		map[string]string{"group": kind.Group, "version": kind.Version, "kind": kind.Kind},
	}
}

func (d typeDescriber) reference(object runtime.Object) map[string]any {
	return d.describe(reflect.TypeOf(object))
}

// describe is the schema of a type: of a struct, a reference to it.
func (d typeDescriber) describe(t reflect.Type) map[string]any {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if known, ok := special[t]; ok {
		return known
	}
	switch t.Kind() {
	case reflect.Struct:
		name := typeName(t)
		if d[name] == nil {
			d[name] = map[string]any{} // before its fields: a type may contain itself
			d.describeStruct(t, d[name])
		}
		return map[string]any{"$ref": "#/components/schemas/" + name}
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return map[string]any{"type": "string", "format": "byte"}
		}
		return map[string]any{"type": "array", "items": d.describe(t.Elem())}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": d.describe(t.Elem())}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Int32:
		return map[string]any{"type": "integer", "format": "int32"}
	case reflect.Int64, reflect.Int:
		return map[string]any{"type": "integer", "format": "int64"}
	case reflect.Float64:
		return map[string]any{"type": "number", "format": "double"}
	case reflect.Interface:
		return map[string]any{"type": "object"}
	}
	return map[string]any{"type": "string"}
}

func (d typeDescriber) describeStruct(t reflect.Type, into map[string]any) {
	docs := map[string]string{}
	if documented, ok := reflect.New(t).Interface().(interface{ SwaggerDoc() map[string]string }); ok {
		docs = documented.SwaggerDoc()
	}
	properties, required := map[string]any{}, []string{}
	for i := range t.NumField() {
		field := t.Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		if name == "" {
			if field.Anonymous { // its fields are the type's own, as encoding/json has it
				inline := map[string]any{}
				d.describeStruct(field.Type, inline)
				for name, property := range inline["properties"].(map[string]any) {
					properties[name] = property
				}
			}
			continue
		}
		properties[name] = d.property(field, docs[name])
		if !strings.Contains(options, "omitempty") && !strings.Contains(options, "omitzero") {
			required = append(required, name)
		}
	}
	into["type"], into["properties"], into["description"] = "object", properties, docs[""]
	if len(required) > 0 {
		into["required"] = required
	}
}

// property is the schema of a field, with its documentation and how a patch merges it.
func (d typeDescriber) property(field reflect.StructField, doc string) map[string]any {
	schema := map[string]any{}
	for name, value := range d.describe(field.Type) {
		schema[name] = value
	}
	if ref, isRef := schema["$ref"]; isRef { // nothing may stand beside a reference
		delete(schema, "$ref")
		schema["allOf"] = []any{map[string]any{"$ref": ref}}
		schema["default"] = map[string]any{}
	}
	if doc != "" {
		schema["description"] = doc
	}
	if strategy := field.Tag.Get("patchStrategy"); strategy != "" {
		schema["x-kubernetes-patch-strategy"] = strategy
	}
	if key := field.Tag.Get("patchMergeKey"); key != "" {
		schema["x-kubernetes-patch-merge-key"] = key
	}
	return schema
}

// typeName is a type's name as upstream writes it: io.k8s.api.core.v1.Pod.
func typeName(t reflect.Type) string {
	host, rest, _ := strings.Cut(t.PkgPath(), "/")
	labels := strings.Split(host, ".")
	for i, j := 0, len(labels)-1; i < j; i, j = i+1, j-1 {
		labels[i], labels[j] = labels[j], labels[i]
	}
	return strings.Join(labels, ".") + "." + strings.ReplaceAll(rest, "/", ".") + "." + t.Name()
}
