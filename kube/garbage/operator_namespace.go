package garbage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"kubelab/kube/operator"
	"kubelab/kube/trace"
)

// reconcileNamespace empties a namespace that is on its way out, and lets it go when it is empty.
func (c *Collector) reconcileNamespace(ctx context.Context, key operator.Key) error {
	ns, err := c.namespaces.Get(key.Name)
	if err != nil || ns.DeletionTimestamp == nil || !slices.Contains(ns.Spec.Finalizers, corev1.FinalizerKubernetes) {
		return nil
	}
	ctx = trace.Because(ctx, "namespace %s is on its way out", ns.Name)
	plan := PlanNamespace(c.graph.in(ns.Name))
	if len(plan.Delete) > 0 {
		return c.empty(ctx, ns, plan.Delete)
	}
	if !plan.Empty {
		return c.explain(ctx, ns, Findings{Remaining: plan.Waiting})
	}
	left, err := c.leftovers(ctx, ns)
	if err != nil {
		return err
	}
	if len(left) > 0 { // not watched, or not seen yet
		c.emptying.After(key, 50*time.Millisecond, "time to look at the namespace again")
		return c.empty(ctx, ns, left)
	}
	return c.letGo(ctx, ns)
}

// letGo takes the cluster's own finalizer off a namespace that is empty.
func (c *Collector) letGo(ctx context.Context, ns *corev1.Namespace) error {
	ns = ns.DeepCopy()
	ns.Spec.Finalizers = slices.DeleteFunc(ns.Spec.Finalizers, func(f corev1.FinalizerName) bool { return f == corev1.FinalizerKubernetes })
	_, err := c.client.CoreV1().Namespaces().Finalize(trace.Because(ctx, "namespace %s is empty", ns.Name), ns, metav1.UpdateOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// empty deletes all objects of some resources in a namespace, and says of those where that fails, or that it fails no more.
func (c *Collector) empty(ctx context.Context, ns *corev1.Namespace, resources []schema.GroupVersionResource) error {
	var failed []error
	for _, r := range resources {
		err := c.metadata.Resource(r).Namespace(ns.Name).DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{})
		if err != nil {
			failed = append(failed, fmt.Errorf("delete all %s in namespace %s: %w", r.Resource, ns.Name, err))
		}
	}
	if len(failed) == 0 {
		if failedBefore(&ns.Status) {
			return c.explain(ctx, ns, Findings{Remaining: c.graph.in(ns.Name)})
		}
		return nil
	}
	return errors.Join(append(failed, c.explain(ctx, ns, Findings{Deletion: failed, Remaining: c.graph.in(ns.Name)}))...)
}

// explain writes into the namespace's status what it waits for.
func (c *Collector) explain(ctx context.Context, ns *corev1.Namespace, found Findings) error {
	ns = ns.DeepCopy()
	if !SetConditions(&ns.Status, Conditions(found), metav1.Now()) {
		return nil
	}
	_, err := c.client.CoreV1().Namespaces().UpdateStatus(ctx, ns, metav1.UpdateOptions{})
	return err
}

// leftovers asks the server itself, about every resource that it has now: what it leaves behind in a namespace
// that is gone nobody would ever find again.
func (c *Collector) leftovers(ctx context.Context, ns *corev1.Namespace) ([]schema.GroupVersionResource, error) {
	resources, err := c.world.known()
	if wrong := (*badGroupVersion)(nil); errors.As(err, &wrong) {
		return nil, errors.Join(err, c.explain(ctx, ns, Findings{GroupVersion: wrong.error}))
	} else if err != nil {
		return nil, errors.Join(err, c.explain(ctx, ns, Findings{Discovery: err}))
	}
	var left []schema.GroupVersionResource
	for _, r := range resources {
		if !r.namespaced {
			continue
		}
		found, err := c.metadata.Resource(r.GroupVersionResource).Namespace(ns.Name).List(ctx, metav1.ListOptions{Limit: 1})
		if apierrors.IsNotFound(err) {
			continue // the kind itself is gone
		}
		if err != nil {
			return nil, fmt.Errorf("look for %s in namespace %s: %w", r.Resource, ns.Name, err)
		}
		if len(found.Items) > 0 {
			left = append(left, r.GroupVersionResource)
		}
	}
	return left, nil
}
