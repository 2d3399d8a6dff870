package garbage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/metadata"
	"k8s.io/utils/ptr"

	"kubelab/kube/operator"
	"kubelab/kube/trace"
)

// reconcileOwned looks at one object, which the key names by its UID. What is done is done to the revision that the
// graph shows: where that is out of date, the server refuses, and the loop looks again.
func (c *Collector) reconcileOwned(ctx context.Context, key operator.Key) error {
	o, known := c.graph.get(types.UID(key.Name))
	if !known {
		return nil
	}
	dependents := c.graph.dependentsOf(o.UID)
	if err := c.orphan(ctx, o, Orphans(o, dependents)); err != nil {
		return err
	}
	owners, err := c.owners(ctx, o)
	if err != nil {
		return err
	}
	return c.act(ctx, o, Decide(o, owners, dependents, c.graph.waitsForItself(o)))
}

// objects is the client for objects of o's kind in o's namespace.
func (c *Collector) objects(o Object) metadata.ResourceInterface {
	return c.metadata.Resource(o.Resource).Namespace(o.Namespace)
}

// owners is how an object's owners look. Where the graph does not know, the server is asked: the graph may be behind,
// and a deletion is for good.
func (c *Collector) owners(ctx context.Context, o Object) ([]OwnerState, error) {
	if o.Deleting {
		return nil, nil // nobody asks any more
	}
	states := make([]OwnerState, len(o.Owners))
	for i, ref := range o.Owners {
		owner, known := c.graph.get(ref.UID)
		switch {
		case known && (owner.Namespace == "" || owner.Namespace == o.Namespace):
			if owner.Holding(metav1.FinalizerDeleteDependents) {
				states[i] = Waiting
			}
			continue
		case c.graph.isGone(ref.UID):
			states[i] = Absent
			continue
		}
		there, err := c.exists(ctx, o, ref)
		if err != nil {
			return nil, fmt.Errorf("look for the owner %s %s of %s: %w", ref.Kind, ref.Name, describe(o), err)
		}
		if !there {
			states[i] = Absent
		}
	}
	return states, nil
}

func (c *Collector) exists(ctx context.Context, o Object, ref metav1.OwnerReference) (bool, error) {
	kind, err := c.world.resourceOf(ref)
	if err != nil {
		return false, err
	}
	owners := c.metadata.Resource(kind.GroupVersionResource)
	var owner *metav1.PartialObjectMetadata
	switch {
	case !kind.namespaced:
		owner, err = owners.Get(ctx, ref.Name, metav1.GetOptions{})
	case o.Namespace == "":
		return true, nil // nothing can be said: such a reference does not say in which namespace the owner is
	default:
		owner, err = owners.Namespace(o.Namespace).Get(ctx, ref.Name, metav1.GetOptions{})
	}
	if err != nil && !apierrors.IsNotFound(err) {
		return false, err
	}
	return err == nil && owner.UID == ref.UID, nil
}

// orphan takes o off the owners of what it leaves behind.
func (c *Collector) orphan(ctx context.Context, o Object, left []Object) error {
	var failed []error
	ctx = trace.Because(ctx, "%s shall leave its dependents behind", describe(o))
	for _, d := range left {
		failed = append(failed, c.act(ctx, d, Action{Verb: Disown, Owners: []types.UID{o.UID}}))
	}
	return errors.Join(failed...)
}

func (c *Collector) act(ctx context.Context, o Object, action Action) error {
	var err error
	switch action.Verb {
	case Delete:
		ctx = trace.Because(ctx, "no owner of %s is left", describe(o))
		err = c.objects(o).Delete(ctx, o.Name, metav1.DeleteOptions{
			PropagationPolicy: &action.Policy,
			Preconditions:     &metav1.Preconditions{UID: &o.UID, ResourceVersion: &o.Revision},
		})
	case Disown:
		kept := slices.DeleteFunc(slices.Clone(o.Owners), func(r metav1.OwnerReference) bool { return slices.Contains(action.Owners, r.UID) })
		err = c.patch(trace.Because(ctx, "%s has an owner less", describe(o)), o, map[string]any{"ownerReferences": kept})
	case Unblock:
		kept := slices.Clone(o.Owners)
		for i := range kept {
			kept[i].BlockOwnerDeletion = ptr.To(false)
		}
		err = c.patch(trace.Because(ctx, "%s waits for itself, in a circle of owners", describe(o)), o, map[string]any{"ownerReferences": kept})
	case Unfinalize:
		kept := slices.DeleteFunc(slices.Clone(o.Finalizers), func(f string) bool { return f == action.Finalizer })
		err = c.patch(trace.Because(ctx, "no dependent holds %s back any more", describe(o)), o, map[string]any{"finalizers": kept})
	}
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// patch changes metadata of o, if it still is as it was seen.
func (c *Collector) patch(ctx context.Context, o Object, changes map[string]any) error {
	changes["uid"], changes["resourceVersion"] = o.UID, o.Revision
	patch, err := json.Marshal(map[string]any{"metadata": changes})
	if err != nil {
		return err
	}
	_, err = c.objects(o).Patch(ctx, o.Name, types.MergePatchType, patch, metav1.PatchOptions{})
	return err
}

func describe(o Object) string {
	return trace.Ref{Resource: o.Resource.Resource, Namespace: o.Namespace, Name: o.Name}.String()
}
