package operator

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"

	"kubelab/kube/trace"
)

// Parent is an object that can own others, and that events can be about.
type Parent interface {
	object
	runtime.Object
}

// Ownership says how objects of one kind (O, a ReplicaSet) own those of another (T, its pods): their selector finds them by
// label.
type Ownership[O Parent, T object] struct {
	Kind     schema.GroupVersionKind // of O
	Child    string                  // what messages call a T: "pod"
	Selector func(O) *metav1.LabelSelector
	Owners   func(namespace string) Getter[O]
	Children func(namespace string) Writer[T]
}

// The parts of a typed client that ownership takes.
type (
	// Getter reads owners from the server itself.
	Getter[O any] interface {
		Get(ctx context.Context, name string, options metav1.GetOptions) (O, error)
	}
	// Writer makes, changes and deletes children.
	Writer[T any] interface {
		Create(ctx context.Context, o T, options metav1.CreateOptions) (T, error)
		Patch(ctx context.Context, name string, kind types.PatchType, patch []byte, options metav1.PatchOptions, subresources ...string) (T, error)
		Delete(ctx context.Context, name string, options metav1.DeleteOptions) error
	}
)

// Children carries out what owners decide about their children. It adopts, releases, makes and deletes them, tells of the last
// two in events, and shows a loop its own writes before its watch does ([Owned]).
type Children[O Parent, T object] struct {
	*Owned[T]
	ownership Ownership[O, T]
	client    *Client
}

// NewChildren is called before the watch of T starts.
func NewChildren[O Parent, T object](client *Client, watch cache.SharedIndexInformer, ownership Ownership[O, T]) (*Children[O, T], error) {
	owned, err := NewOwned[T](watch)
	if err != nil {
		return nil, fmt.Errorf("index what a %s owns: %w", ownership.Kind.Kind, err)
	}
	return &Children[O, T]{owned, ownership, client}, nil
}

// Concerned returns what a change of a T concerns: the O that controls it, or all that might adopt it. owners
// holds every O, indexed by namespace.
func (c *Children[O, T]) Concerned(owners cache.Indexer) func(T) []Key {
	return func(o T) []Key {
		if metav1.GetControllerOfNoCopy(o) != nil {
			return Owner[T](c.ownership.Kind.Kind)(o)
		}
		all, err := owners.ByIndex(cache.NamespaceIndex, o.GetNamespace())
		if err != nil {
			return nil // every informer has this index
		}
		var keys []Key
		for _, obj := range all {
			owner := obj.(O)
			if selector, err := metav1.LabelSelectorAsSelector(c.ownership.Selector(owner)); err == nil && selector.Matches(labels.Set(o.GetLabels())) {
				keys = append(keys, Self(owner)...)
			}
		}
		return keys
	}
}

// Adopt makes owner the controller of the named children, which are in all and become what the server returns. The
// server refuses a name that meanwhile belongs to another object, and an object that has a controller.
func (c *Children[O, T]) Adopt(ctx context.Context, owner O, all map[string]T, names []string) error {
	if len(names) == 0 {
		return nil
	}
	// The watch may not know yet that owner is being deleted, and that its children were set free for that reason.
	now, err := c.ownership.Owners(owner.GetNamespace()).Get(ctx, owner.GetName(), metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("look at %s before it adopts: %w", owner.GetName(), err)
	}
	if now.GetUID() != owner.GetUID() || now.GetDeletionTimestamp() != nil {
		return fmt.Errorf("%s adopts nothing: it is being deleted", owner.GetName())
	}
	for _, name := range names {
		ctx := trace.Because(ctx, "%s matches the selector of %s and has no controller", name, owner.GetName())
		adopted, err := c.patchOwner(ctx, all[name], metav1.NewControllerRef(owner, c.ownership.Kind))
		if err != nil {
			return fmt.Errorf("adopt %s %s: %w", c.ownership.Child, name, err)
		}
		all[name] = adopted
	}
	return nil
}

// Release ends owner's hold on the named children, as far as they are still there.
func (c *Children[O, T]) Release(ctx context.Context, owner O, all map[string]T, names []string) error {
	for _, name := range names {
		ctx := trace.Because(ctx, "%s no longer matches the selector of %s", name, owner.GetName())
		_, err := c.patchOwner(ctx, all[name], map[string]any{"$patch": "delete", "uid": owner.GetUID()})
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("release %s %s: %w", c.ownership.Child, name, err)
		}
	}
	return nil
}

// patchOwner merges an owner reference into a child, if it still is that very one.
func (c *Children[O, T]) patchOwner(ctx context.Context, o T, reference any) (T, error) {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": o.GetUID(), "ownerReferences": []any{reference}}})
	if err != nil {
		panic(fmt.Sprintf("owner references are plain data: %v", err))
	}
	return c.ownership.Children(o.GetNamespace()).Patch(ctx, o.GetName(), types.StrategicMergePatchType, patch, metav1.PatchOptions{})
}

// Create makes n children of owner, each as template makes it, and owner's by reference: one, then two at once, then four and so on. The first error
// ends it, so that what refuses all of them (a quota, a webhook) is asked a few times and not n times.
func (c *Children[O, T]) Create(ctx context.Context, owner O, n int, template func() T) error {
	for made, batch := 0, 1; made < n; batch *= 2 {
		size := min(batch, n-made)
		if err := inParallel(size, func(int) error { return c.create(ctx, owner, template()) }); err != nil {
			return err
		}
		made += size
	}
	return nil
}

func (c *Children[O, T]) create(ctx context.Context, owner O, child T) error {
	child.SetOwnerReferences([]metav1.OwnerReference{*metav1.NewControllerRef(owner, c.ownership.Kind)})
	made, err := c.ownership.Children(owner.GetNamespace()).Create(ctx, child, metav1.CreateOptions{})
	switch {
	case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		return nil // the namespace goes, and the owner with it
	case err != nil:
		c.client.Event(ctx, owner, corev1.EventTypeWarning, "FailedCreate", "Error creating: %v", err)
		return fmt.Errorf("create %s of %s: %w", c.ownership.Child, owner.GetName(), err)
	}
	c.Created(made)
	c.client.Event(ctx, owner, corev1.EventTypeNormal, "SuccessfulCreate", "Created %s: %s", c.ownership.Child, made.GetName())
	return nil
}

// Delete deletes children of owner; why is the reason for the i-th of them.
func (c *Children[O, T]) Delete(ctx context.Context, owner O, doomed []T, why func(i int) string) error {
	return inParallel(len(doomed), func(i int) error {
		o := doomed[i]
		ctx := trace.Because(ctx, "%s", why(i))
		err := c.ownership.Children(owner.GetNamespace()).Delete(ctx, o.GetName(), metav1.DeleteOptions{
			Preconditions: metav1.NewUIDPreconditions(string(o.GetUID())),
		})
		if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) { // gone, or another by its name
			c.client.Event(ctx, owner, corev1.EventTypeWarning, "FailedDelete", "Error deleting: %v", err)
			return fmt.Errorf("delete %s %s: %w", c.ownership.Child, o.GetName(), err)
		}
		c.Deleted(o)
		c.client.Event(ctx, owner, corev1.EventTypeNormal, "SuccessfulDelete", "Deleted %s: %s", c.ownership.Child, o.GetName())
		return nil
	})
}

// atOnce is how many children of one owner are made or deleted at the same time, at most.
const atOnce = 10

// inParallel calls do for 0 to n-1, some of them at once, until one fails. What is under way then is not broken off: a
// request whose answer nobody waited for may have made a child that nobody knows of.
func inParallel(n int, do func(i int) error) error {
	var (
		group  errgroup.Group
		failed atomic.Bool
	)
	group.SetLimit(atOnce)
	for i := 0; i < n && !failed.Load(); i++ {
		group.Go(func() error {
			err := do(i)
			if err != nil {
				failed.Store(true)
			}
			return err
		})
	}
	return group.Wait()
}
