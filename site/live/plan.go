package live

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"kubelab/kube/trace"
	"kubelab/site/record"
)

// mask stands for a value that nobody is to see.
const mask = "•••"

// The resources whose writes leave no step: heartbeats and messages.
const (
	leases = "leases"
	events = "events"
)

// watchable picks from a server's discovery what can be listed and watched. A resource that several groups have under
// one name, as events are, is watched once.
func watchable(lists []*metav1.APIResourceList) []schema.GroupVersionResource {
	var found []schema.GroupVersionResource
	for _, list := range lists {
		group, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			continue // the server's own mistake: there is no way to ask for these
		}
		for _, resource := range list.APIResources {
			known := slices.ContainsFunc(found, func(other schema.GroupVersionResource) bool { return other.Resource == resource.Name })
			if !known && slices.Contains(resource.Verbs, "list") && slices.Contains(resource.Verbs, "watch") {
				found = append(found, group.WithResource(resource.Name))
			}
		}
	}
	return found
}

// show makes of an object what may be seen of it. The object itself is changed.
func show(resource string, object *unstructured.Unstructured) (record.Object, error) {
	object.SetManagedFields(nil)
	annotations := object.GetAnnotations()
	delete(annotations, corev1.LastAppliedConfigAnnotation) // all of it once more, a Secret's values too
	if object.GetKind() == "Secret" {                       // other tools keep it under names of their own
		for name := range annotations {
			annotations[name] = mask
		}
	}
	object.SetAnnotations(annotations)
	if object.GetKind() == "Secret" {
		maskValues(object.Object, "data")
		maskValues(object.Object, "stringData")
	}
	body, err := json.Marshal(object.Object)
	if err != nil {
		return record.Object{}, fmt.Errorf("show %s %s: %w", resource, object.GetName(), err)
	}
	return record.Object{Ref: refOf(resource, object), Revision: revision(object), Body: body}, nil
}

func maskValues(object map[string]any, field string) {
	values, isMap := object[field].(map[string]any)
	if !isMap && object[field] != nil {
		object[field] = mask
	}
	for name := range values {
		values[name] = mask
	}
}

func refOf(resource string, object *unstructured.Unstructured) trace.Ref {
	return trace.Ref{Resource: resource, Namespace: object.GetNamespace(), Name: object.GetName()}
}

// revision is the object's resourceVersion, 0 for one that is no number.
func revision(object *unstructured.Unstructured) int64 {
	n, _ := strconv.ParseInt(object.GetResourceVersion(), 10, 64)
	return n
}

// holder is who holds a lease.
func holder(lease *unstructured.Unstructured) string {
	identity, _, _ := unstructured.NestedString(lease.Object, "spec", "holderIdentity")
	return identity
}

// missing are the objects that were known and are not in a new list, in a fixed order.
func missing(known map[trace.Ref]int64, list map[trace.Ref]bool) []trace.Ref {
	var gone []trace.Ref
	for ref := range known {
		if !list[ref] {
			gone = append(gone, ref)
		}
	}
	slices.SortFunc(gone, func(a, b trace.Ref) int { return int(known[a] - known[b]) })
	return gone
}
