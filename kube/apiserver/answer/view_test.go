package answer_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"kubelab/kube/api"
	"kubelab/kube/apiserver/answer"
)

var configMap = api.Type[*corev1.ConfigMap]{Names: api.Names{Plural: "configmaps", Namespaced: true}}.Kind()

func settings() *answer.Object {
	return &answer.Object{Kind: &configMap, Is: &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: metav1.ObjectMeta{Name: "settings", ResourceVersion: "7"}, Data: map[string]string{"greeting": "hello"},
	}}
}

const table = "application/json;as=Table;g=meta.k8s.io;v=v1"

func TestAnObjectAListAndAnEventHaveTheFormThatTheClientCanRead(t *testing.T) {
	for accept, test := range map[string]struct {
		form, begins string // of each answer
		has, lacks   string
	}{
		"":                          {"application/json", `{"`, "hello", "columnDefinitions"},
		"text/html, */*;q=0.1":      {"application/json", `{"`, "hello", "columnDefinitions"},
		"application/yaml":          {"application/yaml", "", "hello", "columnDefinitions"},
		table + ",application/json": {"application/json", `{"`, `"columnDefinitions"`, "hello"},
		"application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1":             {"application/json", `{"`, `"PartialObjectMetadata`, "hello"},
		"application/json;as=Unheard;g=meta.k8s.io;v=v1,application/json":          {"application/json", `{"`, "hello", "columnDefinitions"},
		"application/vnd.kubernetes.protobuf":                                      {"application/vnd.kubernetes.protobuf", "k8s\x00", "hello", "columnDefinitions"},
		"application/vnd.kubernetes.protobuf;as=Table;g=meta.k8s.io;v=v1," + table: {"application/json", `{"`, `"columnDefinitions"`, "hello"},
	} {
		view, err := answer.Negotiate(accept, true)
		if err != nil {
			t.Errorf("%q: %v", accept, err)
			continue
		}
		one, list, events := httptest.NewRecorder(), httptest.NewRecorder(), httptest.NewRecorder()
		if err := view.Write(one, 200, &configMap, settings().Is); err != nil {
			t.Errorf("%q: %v", accept, err)
		}
		if err := view.WriteList(list, answer.List{Kind: &configMap, Items: []*answer.Object{settings()}}); err != nil {
			t.Errorf("%q: %v", accept, err)
		}
		if stream, err := view.Events(events, &configMap); err == nil {
			stream.Begin()
			stream.Add(watch.Added, settings())
			stream.Flush()
		} else if test.form != "application/yaml" || !apierrors.IsNotAcceptable(err) {
			t.Errorf("%q: a stream: %v", accept, err)
		}
		for what, got := range map[string]*httptest.ResponseRecorder{"object": one, "list": list, "event": events} {
			if what == "event" && test.form == "application/yaml" {
				continue // it has no streams
			}
			form, said := got.Header().Get("Content-Type"), got.Body.String()
			begins := what == "event" || strings.HasPrefix(said, test.begins)
			if strings.TrimSuffix(form, ";stream=watch") != test.form || !begins || !strings.Contains(said, test.has) || strings.Contains(said, test.lacks) {
				t.Errorf("%q: the %s is %s %q, want %s with %q and without %q", accept, what, form, said, test.form, test.has, test.lacks)
			}
		}
	}
}

func TestAFormThatTheServerHasNotIsRefused(t *testing.T) {
	for accept, tables := range map[string]bool{"text/html": true, "application/cbor": true, table: false, ";": true} {
		if _, err := answer.Negotiate(accept, tables); !apierrors.IsNotAcceptable(err) {
			t.Errorf("%q: got %v, want that it is not acceptable", accept, err)
		}
	}
}
