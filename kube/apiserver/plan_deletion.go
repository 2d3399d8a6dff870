package apiserver

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubelab/kube/api"
)

// markDeleted sets when the object shall be gone, and who has to finish before. It returns whether that is
// news: a second delete can shorten the grace period or say otherwise about the dependents, and nothing else.
func markDeleted(kind *api.Kind, object api.Object, options metav1.DeleteOptions, now time.Time) bool {
	finalizers := finalizersFor(kind, object.GetFinalizers(), options)
	changed := !slices.Equal(finalizers, object.GetFinalizers())
	object.SetFinalizers(finalizers)
	var grace int64
	if kind.GracePeriod != nil {
		grace = max(kind.GracePeriod(object, options.GracePeriodSeconds), 0)
	}
	first := object.GetDeletionTimestamp() == nil
	if before := object.GetDeletionGracePeriodSeconds(); !first && before != nil && *before <= grace {
		return changed
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
	return true
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
