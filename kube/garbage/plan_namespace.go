package garbage

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// NamespacePlan is the next step in emptying a namespace.
type NamespacePlan struct {
	Delete  []schema.GroupVersionResource // delete all objects of these
	Waiting []corev1.NamespaceCondition   // nothing to do but to wait, for this
	Empty   bool                          // nothing is left, as far as is known
}

var podResource = corev1.SchemeGroupVersion.WithResource("pods")

// PlanNamespace says how to go on with a namespace that is on its way out and holds the given objects. Pods go
// first: while they run they may still need what else is there, as the policies that keep others off them.
func PlanNamespace(contents []Object) NamespacePlan {
	pods := slices.DeleteFunc(slices.Clone(contents), func(o Object) bool { return o.Resource != podResource })
	stage := contents
	if len(pods) > 0 {
		stage = pods
	}
	undeleted := map[schema.GroupVersionResource]bool{}
	for _, o := range stage {
		if !o.Deleting {
			undeleted[o.Resource] = true
		}
	}
	plan := NamespacePlan{Empty: len(contents) == 0}
	plan.Delete = slices.SortedFunc(maps.Keys(undeleted), func(a, b schema.GroupVersionResource) int {
		return strings.Compare(a.String(), b.String())
	})
	if len(plan.Delete) == 0 && !plan.Empty {
		plan.Waiting = remaining(contents)
	}
	return plan
}

// remaining says for a person what keeps a namespace from going.
func remaining(contents []Object) []corev1.NamespaceCondition {
	resources, finalizers := map[string]bool{}, map[string]bool{}
	for _, o := range contents {
		resources[o.Resource.GroupResource().String()] = true
		for _, f := range o.Finalizers {
			finalizers[f] = true
		}
	}
	conditions := []corev1.NamespaceCondition{{
		Type: corev1.NamespaceContentRemaining, Status: corev1.ConditionTrue, Reason: "SomeResourcesRemain",
		Message: fmt.Sprintf("Some resources are remaining: %s", list(resources)),
	}}
	if len(finalizers) > 0 {
		conditions = append(conditions, corev1.NamespaceCondition{
			Type: corev1.NamespaceFinalizersRemaining, Status: corev1.ConditionTrue, Reason: "SomeFinalizersRemain",
			Message: fmt.Sprintf("Some content in the namespace has finalizers remaining: %s", list(finalizers)),
		})
	}
	return conditions
}

func list(names map[string]bool) string { return strings.Join(slices.Sorted(maps.Keys(names)), ", ") }

// SetConditions puts conditions into the status, and returns whether that says anything new.
func SetConditions(status *corev1.NamespaceStatus, conditions []corev1.NamespaceCondition) bool {
	same := func(a, b corev1.NamespaceCondition) bool {
		return a.Type == b.Type && a.Status == b.Status && a.Message == b.Message
	}
	if slices.EqualFunc(status.Conditions, conditions, same) {
		return false
	}
	status.Conditions = conditions
	return true
}
