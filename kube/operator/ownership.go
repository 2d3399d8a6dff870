package operator

import (
	"context"
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"

	"kubelab/kube/trace"
)

// Control is how objects of a kind (O, a ReplicaSet) come by those that they control (T, its pods): their selector
// finds them by label.
type Control[O, T object] struct {
	Kind     schema.GroupVersionKind // of O
	Selector func(O) *metav1.LabelSelector
}

// Concerned returns what a change of a T concerns: the O that controls it, or all that might adopt it. owners
// holds every O, indexed by namespace.
func (c Control[O, T]) Concerned(owners cache.Indexer) func(T) []Key {
	return func(o T) []Key {
		if metav1.GetControllerOfNoCopy(o) != nil {
			return Owner[T](c.Kind.Kind)(o)
		}
		all, err := owners.ByIndex(cache.NamespaceIndex, o.GetNamespace())
		if err != nil {
			return nil // every informer has this index
		}
		var keys []Key
		for _, obj := range all {
			owner := obj.(O)
			if selector, err := metav1.LabelSelectorAsSelector(c.Selector(owner)); err == nil && selector.Matches(labels.Set(o.GetLabels())) {
				keys = append(keys, Self(owner)...)
			}
		}
		return keys
	}
}

// The parts of a typed client that adoption and release take.
type (
	getter[O any] interface {
		Get(ctx context.Context, name string, options metav1.GetOptions) (O, error)
	}
	patcher[T any] interface {
		Patch(ctx context.Context, name string, kind types.PatchType, patch []byte, options metav1.PatchOptions, subresources ...string) (T, error)
	}
)

// Adopt makes owner the controller of the named objects, which are in objects and become what the server returns. The
// server refuses a name that meanwhile belongs to another object, and an object that has a controller.
func (c Control[O, T]) Adopt(ctx context.Context, owner O, owners getter[O], owned patcher[T], objects map[string]T, names []string) error {
	if len(names) == 0 {
		return nil
	}
	// The watch may not know yet that owner is being deleted, and that its objects were set free for that reason.
	now, err := owners.Get(ctx, owner.GetName(), metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("look at %s before it adopts: %w", owner.GetName(), err)
	}
	if now.GetUID() != owner.GetUID() || now.GetDeletionTimestamp() != nil {
		return fmt.Errorf("%s adopts nothing: it is being deleted", owner.GetName())
	}
	for _, name := range names {
		ctx := trace.Because(ctx, "%s matches the selector of %s and has no controller", name, owner.GetName())
		adopted, err := patchOwner(ctx, owned, objects[name], metav1.NewControllerRef(owner, c.Kind))
		if err != nil {
			return fmt.Errorf("adopt %s: %w", name, err)
		}
		objects[name] = adopted
	}
	return nil
}

// Release ends owner's hold on an object.
func (c Control[O, T]) Release(ctx context.Context, owner O, owned patcher[T], o T) error {
	ctx = trace.Because(ctx, "%s no longer matches the selector of %s", o.GetName(), owner.GetName())
	_, err := patchOwner(ctx, owned, o, map[string]any{"$patch": "delete", "uid": owner.GetUID()})
	return err
}

// patchOwner merges an owner reference into an object, if it still is that very one.
func patchOwner[T object](ctx context.Context, owned patcher[T], o T, reference any) (T, error) {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": o.GetUID(), "ownerReferences": []any{reference}}})
	if err != nil {
		panic(fmt.Sprintf("owner references are plain data: %v", err))
	}
	return owned.Patch(ctx, o.GetName(), types.StrategicMergePatchType, patch, metav1.PatchOptions{})
}
