package discovery

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// jsonNames are the names that encoding/json gives to the fields of a struct: one without a name is part of its holder.
func jsonNames(t reflect.Type) (names []string) {
	for i := range t.NumField() {
		field := t.Field(i)
		switch name, _, _ := strings.Cut(field.Tag.Get("json"), ","); {
		case name != "":
			names = append(names, name)
		case field.Anonymous:
			names = append(names, jsonNames(field.Type)...)
		}
	}
	return names
}

func TestATypeIsDescribedWithEveryFieldThatItHasInJSON(t *testing.T) {
	types := typeDescriber{}
	for _, of := range []any{
		appsv1.Deployment{}, corev1.Pod{}, corev1.ConfigMap{}, // each with apiVersion and kind
		corev1.ConfigMapKeySelector{}, corev1.EnvFromSource{}, corev1.Volume{}, corev1.LifecycleHandler{}, corev1.Probe{},
	} {
		described := map[string]any{}
		types.describeStruct(reflect.TypeOf(of), described)
		encoded, err := json.Marshal(described["properties"])
		if err != nil {
			t.Fatal(err)
		}
		properties := map[string]any{}
		if err := json.Unmarshal(encoded, &properties); err != nil {
			t.Fatal(err)
		}
		for _, name := range jsonNames(reflect.TypeOf(of)) {
			if properties[name] == nil {
				t.Errorf("%T: a client that checks by the description finds no field %q", of, name)
			}
		}
	}
}
