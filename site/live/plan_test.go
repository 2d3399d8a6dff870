package live

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"kubelab/kube/trace"
)

func TestASecretIsShownWithoutItsValues(t *testing.T) {
	for name, object := range map[string]map[string]any{
		"its data":              {"data": map[string]any{"key": "geheim", "other": "geheim"}},
		"data as it is written": {"stringData": map[string]any{"key": "geheim"}},
		"data of a wrong type":  {"data": "geheim"},
		"what kubectl apply remembers of it": {"metadata": map[string]any{"name": "door", "annotations": map[string]any{
			"kubectl.kubernetes.io/last-applied-configuration": `{"stringData":{"key":"geheim"}}`, "owner": "ann"}}},
		"what another tool remembers": {"metadata": map[string]any{"name": "door", "annotations": map[string]any{"kapp.k14s.io/original": `{"data":{"key":"geheim"}}`}}},
		"who set which field":         {"metadata": map[string]any{"managedFields": []any{map[string]any{"manager": "geheim"}}}},
	} {
		object["kind"], object["apiVersion"] = "Secret", "v1"
		shown, err := show("secrets", &unstructured.Unstructured{Object: object})
		if err != nil || strings.Contains(string(shown.Body), "geheim") {
			t.Errorf("%s: %s, %v", name, shown.Body, err)
		}
	}
	shown, err := show("secrets", &unstructured.Unstructured{Object: map[string]any{"kind": "Secret", "data": map[string]any{"key": "geheim"}}})
	if err != nil || string(shown.Body) != `{"data":{"key":"•••"},"kind":"Secret"}` {
		t.Errorf("a Secret is shown as %s, %v", shown.Body, err)
	}
}

func TestWhatSeveralGroupsCallTheSameIsWatchedOnce(t *testing.T) {
	all := metav1.Verbs{"get", "list", "watch"}
	got := watchable([]*metav1.APIResourceList{
		{GroupVersion: "v1", APIResources: []metav1.APIResource{{Name: "pods", Verbs: all}, {Name: "pods/log", Verbs: metav1.Verbs{"get"}}, {Name: "events", Verbs: all}}},
		{GroupVersion: "events.k8s.io/v1", APIResources: []metav1.APIResource{{Name: "events", Verbs: all}}},
		{GroupVersion: "metrics.k8s.io/v1", APIResources: []metav1.APIResource{{Name: "nodes", Verbs: metav1.Verbs{"get", "list"}}}},
	})
	var names []string
	for _, resource := range got {
		names = append(names, resource.GroupVersion().String()+" "+resource.Resource)
	}
	if diff := cmp.Diff([]string{"v1 pods", "v1 events"}, names); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWhatIsNotInANewListHasGone(t *testing.T) {
	a, b, c := trace.Ref{Name: "a"}, trace.Ref{Name: "b"}, trace.Ref{Name: "c"}
	got := missing(map[trace.Ref]int64{a: 9, b: 3, c: 5}, map[trace.Ref]bool{c: true})
	if diff := cmp.Diff([]trace.Ref{b, a}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
