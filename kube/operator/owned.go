package operator

import (
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"k8s.io/client-go/tools/cache"
)

// Owned shows a loop what its objects own: the pods of a ReplicaSet, say.
//
// A watch lags behind. A loop that creates three pods and looks at once sees none, and would create three
// more. So Owned shows the watch's picture corrected by what the loop has done since: a loop must at
// least see its own writes. It forgets a write as soon as the watch has caught up with it, which it knows by
// the revision: the watch has seen everything up to its own, and the write has one too.
//
// After a restart there is nothing to remember: the first picture of a watch is never older than what the
// loop's predecessor wrote.
type Owned[T object] struct {
	watch cache.SharedIndexInformer

	mu      sync.Mutex
	created map[types.UID]T // the watch has not seen them yet
	deleted map[types.UID]T // on their way out, which the watch has not seen yet
}

// The name of the index by owner. What no controller owns is under its namespace with a slash behind.
const byOwner = "owner"

// NewOwned is called before the watch starts.
func NewOwned[T object](watch cache.SharedIndexInformer) (*Owned[T], error) {
	owned := &Owned[T]{watch: watch, created: map[types.UID]T{}, deleted: map[types.UID]T{}}
	if _, indexed := watch.GetIndexer().GetIndexers()[byOwner]; indexed {
		return owned, nil // another loop shares this watch
	}
	return owned, watch.AddIndexers(cache.Indexers{byOwner: func(obj any) ([]string, error) {
		o := obj.(object)
		if owner := metav1.GetControllerOfNoCopy(o); owner != nil {
			return []string{string(owner.UID)}, nil
		}
		return []string{orphansOf(o.GetNamespace())}, nil
	}})
}

func orphansOf(namespace string) string { return namespace + "/" }

// By lists what owner controls, and what nobody controls in its namespace (and owner might adopt).
func (w *Owned[T]) By(owner object) ([]T, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	// First the revision, then the objects: the watch may go on in between, and then the objects are
	// newer than the revision says, never older.
	upTo := w.watch.GetIndexer().LastStoreSyncResourceVersion()
	var all []T
	for _, index := range []string{string(owner.GetUID()), orphansOf(owner.GetNamespace())} {
		objects, err := w.watch.GetIndexer().ByIndex(byOwner, index)
		if err != nil {
			return nil, err
		}
		for _, obj := range objects {
			o := obj.(T)
			delete(w.created, o.GetUID())
			all = append(all, w.marked(o))
		}
	}
	for uid, o := range w.created {
		if reached(upTo, o.GetResourceVersion()) { // it came and went
			delete(w.created, uid)
		} else if metav1.IsControlledBy(o, owner) {
			all = append(all, w.marked(o))
		}
	}
	w.forgetDeleted()
	return all, nil
}

// marked is o, or what it looks like since it was deleted.
func (w *Owned[T]) marked(o T) T {
	if leaving, ok := w.deleted[o.GetUID()]; ok && o.GetDeletionTimestamp() == nil {
		return leaving
	}
	return o
}

// reached says whether a watch that is at revision upTo has seen the given revision.
func reached(upTo, revision string) bool {
	order, err := resourceversion.CompareResourceVersion(upTo, revision)
	return err == nil && order >= 0
}

// forgetDeleted drops what the watch shows as gone or going.
func (w *Owned[T]) forgetDeleted() {
	for uid, o := range w.deleted {
		obj, there, _ := w.watch.GetIndexer().Get(o)
		_, awaited := w.created[uid]
		if there {
			now := obj.(T)
			there = now.GetUID() == uid && now.GetDeletionTimestamp() == nil
		}
		if !there && !awaited {
			delete(w.deleted, uid)
		}
	}
}

// Created remembers an object as the server returned it.
func (w *Owned[T]) Created(o T) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.created[o.GetUID()] = o
}

// Deleted remembers that the server was told to delete an object: it is shown as on its way out until the watch
// shows it so, or shows it no more.
func (w *Owned[T]) Deleted(o T) {
	leaving := any(o).(runtime.Object).DeepCopyObject().(T)
	leaving.SetDeletionTimestamp(new(metav1.Now()))
	w.mu.Lock()
	defer w.mu.Unlock()
	w.deleted[o.GetUID()] = leaving
}
