package apiserver

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"kubelab/kube/api"
)

// Act is what is to be done to an object.
type Act string

// What a write may do. A change is what a subresource exists for, past the rules of an ordinary update.
const (
	Create       Act = "create"
	Update       Act = "update"
	UpdateStatus Act = "update status"
	Change       Act = "change"
	Delete       Act = "delete"
)

// Write is what is asked of one object.
type Write struct {
	Kind   *api.Kind
	Act    Act
	Have   api.Object // as it is: nil on create
	Wanted api.Object // as the client wants it, handed over to be completed: nil on delete

	Deletion metav1.DeleteOptions // of a delete
	UID      types.UID            // for a new object
	Now      time.Time
}

// Effect is what a write comes to in the store.
type Effect string

// What may become of an object's record.
const (
	Nothing Effect = "nothing" // it is so already
	Put     Effect = "put"
	Remove  Effect = "remove"
)

// Plan says what becomes of an object: what the client wants of it, but for what the client has no say in. It does not change Have. The
// error is the Status that refuses the write.
func Plan(w Write) (api.Object, error) {
	switch w.Act {
	case Create:
		return planCreate(w), nil
	case Delete:
		return planDelete(w)
	}
	if err := w.meant(); err != nil {
		return nil, err
	}
	if w.Act != Change {
		w.update()
	}
	w.Wanted.SetResourceVersion(w.Have.GetResourceVersion()) // one who names none writes over whatever there is
	w.Wanted.GetObjectKind().SetGroupVersionKind(w.Kind.GroupVersionKind)
	return w.Wanted, nil
}

// EffectOf is what an object that is to become another comes to in the store. have is nil where there is none.
func EffectOf(kind *api.Kind, have, object api.Object) Effect {
	switch {
	case gone(kind, object): // as when the last finalizer has just been taken off
		return Remove
	case have != nil && apiequality.Semantic.DeepEqual(have, object):
		return Nothing
	}
	return Put
}

// planCreate fills in what the server owns.
func planCreate(w Write) api.Object {
	object := w.Wanted
	object.SetUID(w.UID)
	object.SetCreationTimestamp(metav1.Time{Time: w.Now.Truncate(time.Second)})
	object.SetDeletionTimestamp(nil)
	object.SetDeletionGracePeriodSeconds(nil)
	object.SetSelfLink("")
	object.SetGeneration(0)
	if specField(object).IsValid() {
		object.SetGeneration(1)
	}
	if w.Kind.HasStatus && !w.Kind.KeepsStatus {
		reflect.ValueOf(object).Elem().FieldByName("Status").SetZero()
	}
	if w.Kind.Prepare != nil {
		w.Kind.Prepare(object, nil)
	}
	return object
}

// meant refuses a write that was meant for another object of that name, or for another state of it.
func (w Write) meant() error {
	if pinned := w.Wanted.GetResourceVersion(); pinned != "" && pinned != w.Have.GetResourceVersion() {
		return modified(w.Kind, w.Have.GetName())
	}
	if uid := w.Wanted.GetUID(); uid != "" {
		return sameUID(w.Kind, w.Have, uid)
	}
	return nil
}

// update puts back what a client may not change, and lets the kind do its part.
func (w Write) update() {
	keepMetadata(w.Wanted, w.Have)
	switch {
	case w.Act == UpdateStatus:
		keepAllButStatus(w.Wanted, w.Have)
	case w.Kind.HasStatus:
		keep("Status", w.Wanted, w.Have)
	}
	if w.Kind.Default != nil { // what is kept may be of an older server, which had no such default
		w.Kind.Default(w.Wanted)
	}
	if w.Kind.Prepare != nil && w.Act == Update {
		w.Kind.Prepare(w.Wanted, w.Have)
	}
	if specField(w.Wanted).IsValid() && !sameSpec(w.Wanted, w.Have) {
		w.Wanted.SetGeneration(w.Have.GetGeneration() + 1)
	}
}

// keepMetadata puts back the metadata that is the server's own.
func keepMetadata(object, have api.Object) {
	object.SetUID(have.GetUID())
	object.SetCreationTimestamp(have.GetCreationTimestamp())
	object.SetDeletionTimestamp(have.GetDeletionTimestamp())
	object.SetDeletionGracePeriodSeconds(have.GetDeletionGracePeriodSeconds())
	object.SetGenerateName(have.GetGenerateName())
	object.SetGeneration(have.GetGeneration())
	object.SetSelfLink("")
	if object.GetManagedFields() == nil {
		object.SetManagedFields(have.GetManagedFields())
	}
}

// keepAllButStatus makes a write of a status just that: who may write it (a node, of its pods) shall not set labels by which
// a pod joins a Service, nor owners and finalizers by which it is removed or kept. Annotations go with the status, as
// upstream lets them.
func keepAllButStatus(object, have api.Object) {
	updated := have.DeepCopyObject().(api.Object)
	keep("Status", updated, object)
	updated.SetAnnotations(object.GetAnnotations())
	updated.SetManagedFields(object.GetManagedFields())
	reflect.ValueOf(object).Elem().Set(reflect.ValueOf(updated).Elem())
}

// planDelete marks an object as deleted, unless it may not be.
func planDelete(w Write) (api.Object, error) {
	if wanted := w.Deletion.Preconditions; wanted != nil {
		if wanted.UID != nil {
			if err := sameUID(w.Kind, w.Have, *wanted.UID); err != nil {
				return nil, err
			}
		}
		if have := w.Have.GetResourceVersion(); wanted.ResourceVersion != nil && *wanted.ResourceVersion != have {
			//lint:ignore ST1005 it is the sentence that every Kubernetes says
			err := fmt.Errorf("Precondition failed: ResourceVersion in precondition: %v, ResourceVersion in object meta: %v", *wanted.ResourceVersion, have)
			return nil, apierrors.NewConflict(w.Kind.Resource().GroupResource(), w.Have.GetName(), err)
		}
	}
	if w.Kind.Protect != nil {
		if reason := w.Kind.Protect(w.Have); reason != "" {
			return nil, apierrors.NewForbidden(w.Kind.Resource().GroupResource(), w.Have.GetName(), errors.New(reason))
		}
	}
	object := w.Have.DeepCopyObject().(api.Object)
	markDeleted(w.Kind, object, w.Deletion, w.Now)
	return object, nil
}

// markDeleted sets when the object shall be gone, and who has to finish before. A second delete can shorten the grace period or say
// otherwise about the dependents, and nothing else.
func markDeleted(kind *api.Kind, object api.Object, options metav1.DeleteOptions, now time.Time) {
	object.SetFinalizers(finalizersFor(kind, object.GetFinalizers(), options))
	var grace int64
	if kind.GracePeriod != nil {
		grace = max(kind.GracePeriod(object, options.GracePeriodSeconds), 0)
	}
	first := object.GetDeletionTimestamp() == nil
	if before := object.GetDeletionGracePeriodSeconds(); !first && before != nil && *before <= grace {
		return
	}
	object.SetDeletionTimestamp(&metav1.Time{Time: deadline(now, grace)})
	object.SetDeletionGracePeriodSeconds(&grace)
	if first {
		if specField(object).IsValid() {
			object.SetGeneration(object.GetGeneration() + 1)
		}
		if kind.Prepare != nil {
			kind.Prepare(object, object)
		}
	}
}

// deadline is when the grace period (seconds) is over. Times are stored in whole seconds: it is rounded up, so that nobody has
// less than the whole period.
func deadline(now time.Time, grace int64) time.Time {
	if grace > 0 {
		now = now.Add(time.Second - time.Nanosecond)
	}
	return now.Add(time.Duration(grace) * time.Second).Truncate(time.Second)
}

// finalizersFor adds the finalizer that the propagation policy asks for: the garbage collector takes it off
// when the dependents are gone, or are nobody's.
func finalizersFor(kind *api.Kind, finalizers []string, options metav1.DeleteOptions) []string {
	policy := propagationOf(kind, finalizers, options)
	finalizers = slices.DeleteFunc(slices.Clone(finalizers), func(f string) bool {
		return f == metav1.FinalizerDeleteDependents || f == metav1.FinalizerOrphanDependents
	})
	switch policy {
	case metav1.DeletePropagationForeground:
		return append(finalizers, metav1.FinalizerDeleteDependents)
	case metav1.DeletePropagationOrphan:
		return append(finalizers, metav1.FinalizerOrphanDependents)
	}
	return finalizers
}

// propagationOf is what becomes of the dependents: what the request says, or else a finalizer that the object has, or else what
// is usual for its kind.
func propagationOf(kind *api.Kind, finalizers []string, options metav1.DeleteOptions) metav1.DeletionPropagation {
	//lint:ignore SA1019 clients still send it
	orphan := options.OrphanDependents
	switch {
	case options.PropagationPolicy != nil:
		return *options.PropagationPolicy
	case orphan != nil && *orphan, orphan == nil && slices.Contains(finalizers, metav1.FinalizerOrphanDependents):
		return metav1.DeletePropagationOrphan
	case orphan == nil && slices.Contains(finalizers, metav1.FinalizerDeleteDependents):
		return metav1.DeletePropagationForeground
	case orphan == nil && kind.Orphans:
		return metav1.DeletePropagationOrphan
	}
	return metav1.DeletePropagationBackground
}

// gone says whether nothing keeps a deleted object any more.
func gone(kind *api.Kind, object api.Object) bool {
	if object.GetDeletionTimestamp() == nil || len(object.GetFinalizers()) > 0 {
		return false
	}
	if kind.Held != nil && kind.Held(object) {
		return false
	}
	grace := object.GetDeletionGracePeriodSeconds()
	return grace == nil || *grace == 0
}

// sameUID refuses a write that was meant for an object of the same name which is gone.
func sameUID(kind *api.Kind, have api.Object, wanted types.UID) error {
	if wanted == have.GetUID() {
		return nil
	}
	//lint:ignore ST1005 it is the sentence that every Kubernetes says
	err := fmt.Errorf("Precondition failed: UID in precondition: %v, UID in object meta: %v", wanted, have.GetUID())
	return apierrors.NewConflict(kind.Resource().GroupResource(), have.GetName(), err)
}

// modified is the answer to a write that was meant for another state of an object.
func modified(kind *api.Kind, name string) error {
	return apierrors.NewConflict(kind.Resource().GroupResource(), name,
		errors.New("the object has been modified; please apply your changes to the latest version and try again"))
}

// specField is the object's spec, if its kind has both a spec and a status: then it has a generation.
func specField(object api.Object) reflect.Value {
	value := reflect.ValueOf(object).Elem()
	if !value.FieldByName("Status").IsValid() {
		return reflect.Value{}
	}
	return value.FieldByName("Spec")
}

func sameSpec(a, b api.Object) bool {
	return apiequality.Semantic.DeepEqual(specField(a).Interface(), specField(b).Interface())
}

// keep copies the named part ("Status") of old into object.
func keep(part string, object, old api.Object) {
	reflect.ValueOf(object).Elem().FieldByName(part).Set(reflect.ValueOf(old).Elem().FieldByName(part))
}
