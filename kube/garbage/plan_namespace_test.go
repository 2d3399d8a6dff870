package garbage

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var configMaps = corev1.SchemeGroupVersion.WithResource("configmaps")

func pod(deleting bool) Object {
	return Object{Resource: podResource, Namespace: "shop", Name: "web", UID: "p", Deleting: deleting}
}

func config(deleting bool, finalizers ...string) Object {
	return Object{Resource: configMaps, Namespace: "shop", Name: "web", UID: "c", Deleting: deleting, Finalizers: finalizers}
}

func TestPodsLeaveANamespaceFirst(t *testing.T) {
	for name, test := range map[string]struct {
		contents []Object
		want     []schema.GroupVersionResource
	}{
		"pods before the rest":           {[]Object{pod(false), config(false)}, []schema.GroupVersionResource{podResource}},
		"the rest waits for pods to end": {[]Object{pod(true), config(false)}, nil},
		"then the rest":                  {[]Object{config(false)}, []schema.GroupVersionResource{configMaps}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, PlanNamespace(test.contents).Delete); diff != "" {
				t.Errorf("delete (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAnEmptyNamespaceMayGo(t *testing.T) {
	if plan := PlanNamespace(nil); !plan.Empty || plan.Delete != nil || plan.Waiting != nil {
		t.Errorf("plan %+v", plan)
	}
	if plan := PlanNamespace([]Object{config(true)}); plan.Empty {
		t.Errorf("plan %+v", plan)
	}
}

func TestANamespaceSaysWhatItWaitsFor(t *testing.T) {
	plan := PlanNamespace([]Object{config(true, "example.com/backup"), pod(true)})
	var messages []string
	for _, c := range plan.Waiting {
		messages = append(messages, c.Message)
	}
	want := []string{
		"Some resources are remaining: configmaps, pods",
		"Some content in the namespace has finalizers remaining: example.com/backup",
	}
	if diff := cmp.Diff(want, messages); diff != "" {
		t.Errorf("conditions (-want +got):\n%s", diff)
	}
	var status corev1.NamespaceStatus
	if !SetConditions(&status, plan.Waiting) || SetConditions(&status, plan.Waiting) {
		t.Error("the same conditions are news twice, or never")
	}
}
