package garbage

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
)

// NamespacePlan is the next step in emptying a namespace.
type NamespacePlan struct {
	Delete  []schema.GroupVersionResource // delete all objects of these
	Waiting []Object                      // nothing to do but to wait, for these
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
		plan.Waiting = stage
	}
	return plan
}

// Findings are what came of a look at a namespace that is on its way out.
type Findings struct {
	Discovery    error   // the server's resources are not known, or not all
	GroupVersion error   // the name of one makes no sense
	Deletion     []error // by resource
	Remaining    []Object
}

// Conditions say for a person what keeps a namespace from going, or that it is not this: always all five.
func Conditions(found Findings) []corev1.NamespaceCondition {
	instances, finalizers := map[string]int{}, map[string]int{}
	for _, o := range found.Remaining {
		instances[o.Resource.Resource+"."+o.Resource.Group]++
		for _, f := range o.Finalizers {
			finalizers[f]++
		}
	}
	failed := make([]string, len(found.Deletion))
	for i, err := range found.Deletion {
		failed[i] = err.Error()
	}
	return []corev1.NamespaceCondition{
		condition(corev1.NamespaceDeletionDiscoveryFailure, found.Discovery != nil, "DiscoveryFailed", discoveryMessage(found.Discovery),
			"ResourcesDiscovered", "All resources successfully discovered"),
		condition(corev1.NamespaceDeletionGVParsingFailure, found.GroupVersion != nil, "GroupVersionParsingFailed", fmt.Sprint(found.GroupVersion),
			"ParsedGroupVersions", "All legacy kube types successfully parsed"),
		condition(corev1.NamespaceDeletionContentFailure, len(failed) > 0, "ContentDeletionFailed",
			fmt.Sprintf("Failed to delete all resource types, %d remaining: %s", len(failed), strings.Join(failed, ", ")),
			"ContentDeleted", "All content successfully deleted, may be waiting on finalization"),
		condition(corev1.NamespaceContentRemaining, len(instances) > 0, "SomeResourcesRemain",
			"Some resources are remaining: "+counted(instances, "%s has %d resource instances"),
			"ContentRemoved", "All content successfully removed"),
		condition(corev1.NamespaceFinalizersRemaining, len(finalizers) > 0, "SomeFinalizersRemain",
			"Some content in the namespace has finalizers remaining: "+counted(finalizers, "%s in %d resource instances"),
			"ContentHasNoFinalizers", "All content-preserving finalizers finished"),
	}
}

func condition(kind corev1.NamespaceConditionType, wrong bool, reason, message, goodReason, goodMessage string) corev1.NamespaceCondition {
	if !wrong {
		return corev1.NamespaceCondition{Type: kind, Status: corev1.ConditionFalse, Reason: goodReason, Message: goodMessage}
	}
	return corev1.NamespaceCondition{Type: kind, Status: corev1.ConditionTrue, Reason: reason, Message: message}
}

func discoveryMessage(err error) string {
	var groups *discovery.ErrGroupDiscoveryFailed
	if errors.As(err, &groups) {
		return fmt.Sprintf("Discovery failed for some groups, %d failing: %v", len(groups.Groups), groups)
	}
	return fmt.Sprint(err)
}

// counted lists names and how often each is there, in order.
func counted(names map[string]int, format string) string {
	var texts []string
	for _, name := range slices.Sorted(maps.Keys(names)) {
		texts = append(texts, fmt.Sprintf(format, name, names[name]))
	}
	return strings.Join(texts, ", ")
}

// failedBefore says whether the status still tells that something could not be deleted.
func failedBefore(status *corev1.NamespaceStatus) bool {
	return slices.ContainsFunc(status.Conditions, func(c corev1.NamespaceCondition) bool {
		return c.Type == corev1.NamespaceDeletionContentFailure && c.Status == corev1.ConditionTrue
	})
}

// SetConditions puts conditions into the status beside those of other kinds, and returns whether that says anything new.
func SetConditions(status *corev1.NamespaceStatus, conditions []corev1.NamespaceCondition, now metav1.Time) (news bool) {
	for _, c := range conditions {
		at := slices.IndexFunc(status.Conditions, func(old corev1.NamespaceCondition) bool { return old.Type == c.Type })
		if at < 0 {
			status.Conditions = append(status.Conditions, corev1.NamespaceCondition{Type: c.Type})
			at = len(status.Conditions) - 1
		}
		if old := status.Conditions[at]; old.Status == c.Status && old.Reason == c.Reason && old.Message == c.Message {
			continue
		}
		c.LastTransitionTime = now
		status.Conditions[at], news = c, true
	}
	return news
}
