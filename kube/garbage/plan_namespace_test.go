package garbage

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
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
	wait := PlanNamespace([]Object{config(true, "example.com/backup"), config(true, "example.com/backup")}).Waiting
	if pods := PlanNamespace([]Object{config(false), pod(true)}).Waiting; len(pods) != 1 || pods[0].Resource != podResource {
		t.Errorf("while pods go it waits for %v", pods)
	}
	bad := func(text string) error { return errors.New(text) }
	for name, test := range map[string]struct {
		found Findings
		want  [5]string // an empty one: nothing is wrong
	}{
		"nothing": {},
		"what it holds": {Findings{Remaining: wait}, [5]string{
			3: "SomeResourcesRemain: Some resources are remaining: configmaps. has 2 resource instances",
			4: "SomeFinalizersRemain: Some content in the namespace has finalizers remaining: example.com/backup in 2 resource instances",
		}},
		"a deletion that is refused": {Findings{Deletion: []error{bad("no pods"), bad("no secrets")}}, [5]string{
			2: "ContentDeletionFailed: Failed to delete all resource types, 2 remaining: no pods, no secrets",
		}},
		"a server that does not say what it has": {Findings{Discovery: bad("gone")}, [5]string{"DiscoveryFailed: gone"}},
		"a group that does not answer": {Findings{Discovery: fmt.Errorf("discover: %w", &discovery.ErrGroupDiscoveryFailed{
			Groups: map[schema.GroupVersion]error{{Group: "metrics.k8s.io", Version: "v1"}: bad("gone")}})},
			[5]string{"DiscoveryFailed: Discovery failed for some groups, 1 failing: unable to retrieve the complete list of server APIs: metrics.k8s.io/v1: gone"}},
		"a name that makes no sense": {Findings{GroupVersion: bad("a/b/c")}, [5]string{1: "GroupVersionParsingFailed: a/b/c"}},
	} {
		conditions := Conditions(test.found)
		var got [5]string
		for i, c := range conditions {
			if c.Status == corev1.ConditionTrue {
				got[i] = c.Reason + ": " + c.Message
			}
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestAConditionThatStaysKeepsItsTime(t *testing.T) {
	status := corev1.NamespaceStatus{Conditions: []corev1.NamespaceCondition{{Type: "example.com/other"}}}
	first, second := metav1.Unix(100, 0), metav1.Unix(200, 0)
	if !SetConditions(&status, Conditions(Findings{}), first) || SetConditions(&status, Conditions(Findings{}), second) {
		t.Error("the same conditions are news twice, or never")
	}
	if !SetConditions(&status, Conditions(Findings{Deletion: []error{errors.New("no")}}), second) {
		t.Error("another condition is no news")
	}
	times := map[string]int64{}
	for _, c := range status.Conditions {
		times[string(c.Type)] = c.LastTransitionTime.Unix()
	}
	want := map[string]int64{
		"example.com/other": (&metav1.Time{}).Unix(), "NamespaceDeletionDiscoveryFailure": 100, "NamespaceDeletionGroupVersionParsingFailure": 100,
		"NamespaceDeletionContentFailure": 200, "NamespaceContentRemaining": 100, "NamespaceFinalizersRemaining": 100,
	}
	if diff := cmp.Diff(want, times); diff != "" {
		t.Errorf("times (-want +got):\n%s", diff)
	}
}

func TestAFailureIsToldOfUntilItIsOne(t *testing.T) {
	status := &corev1.NamespaceStatus{}
	SetConditions(status, Conditions(Findings{Deletion: []error{errors.New("no")}}), metav1.Now())
	if !failedBefore(status) {
		t.Error("a failure is not found in the status that tells of it")
	}
	SetConditions(status, Conditions(Findings{}), metav1.Now())
	if failedBefore(status) {
		t.Error("a failure is found in a status that tells of none")
	}
}
