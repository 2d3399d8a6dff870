package apiserver

import (
	"errors"
	"net/http"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubelab/kube/api"
	"kubelab/kube/store"
)

func (s *Server) serveDelete(c *call) error {
	options, err := decodeOptions(c)
	if err != nil {
		return err
	}
	object, gone, err := s.delete(c, options)
	if err != nil {
		return err
	}
	if !gone { // it ends later: this is what it is until then
		return s.writeObject(c, http.StatusOK, c.kind, object)
	}
	return s.writeObject(c, http.StatusOK, nil, &metav1.Status{
		TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"},
		Status:   metav1.StatusSuccess,
		Details:  &metav1.StatusDetails{Name: c.name, Group: c.kind.Group, Kind: c.kind.Plural, UID: object.GetUID()},
	})
}

// delete removes an object, or marks it as deleted when somebody has to finish first: a grace period, a finalizer.
func (s *Server) delete(c *call, options metav1.DeleteOptions) (object api.Object, removed bool, err error) {
	for try := 1; ; try++ {
		current, err := s.get(c.r.Context(), c.kind, c.namespace, c.name)
		if err != nil {
			return nil, false, err
		}
		if err := checkPreconditions(c, current, options.Preconditions); err != nil {
			return nil, false, err
		}
		if c.kind.Protect != nil {
			if reason := c.kind.Protect(current); reason != "" {
				return nil, false, apierrors.NewForbidden(c.kind.Resource().GroupResource(), c.name, errors.New(reason))
			}
		}
		object, removed, err = s.tryDelete(c, current, options)
		if errors.Is(err, store.ErrConflict) && try < attempts {
			continue
		}
		return object, removed, err
	}
}

func checkPreconditions(c *call, current api.Object, wanted *metav1.Preconditions) error {
	if wanted == nil {
		return nil
	}
	if wanted.ResourceVersion != nil && *wanted.ResourceVersion != current.GetResourceVersion() {
		return conflict(c)
	}
	return sameUID(c, c.name, wanted.UID, current.GetUID())
}

func (s *Server) tryDelete(c *call, current api.Object, options metav1.DeleteOptions) (api.Object, bool, error) {
	object := current.DeepCopyObject().(api.Object)
	changed := markDeleted(c.kind, object, options, time.Now())
	w := &mutation{c: c, old: current, new: object, revision: revisionOf(current)}
	if err := s.claim(w); err != nil {
		return nil, false, err
	}
	removed := gone(c.kind, object)
	if removed {
		w.new, w.claims = nil, nil
	}
	if c.dryRun() || !removed && !changed {
		return object, removed, nil
	}
	_, err := s.commit(w)
	return object, removed, err
}

// markDeleted sets when the object shall be gone, and who has to finish before. It returns whether that is
// news: a second delete can shorten the grace period and nothing else.
func markDeleted(kind *api.Kind, object api.Object, options metav1.DeleteOptions, now time.Time) bool {
	var grace int64
	if kind.GracePeriod != nil {
		grace = max(kind.GracePeriod(object, options.GracePeriodSeconds), 0)
	}
	if before := object.GetDeletionGracePeriodSeconds(); object.GetDeletionTimestamp() != nil && before != nil && *before <= grace {
		return false
	}
	first := object.GetDeletionTimestamp() == nil
	object.SetDeletionTimestamp(&metav1.Time{Time: deadline(now, grace)})
	object.SetDeletionGracePeriodSeconds(&grace)
	if first {
		object.SetFinalizers(finalizersFor(object.GetFinalizers(), options))
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
func finalizersFor(finalizers []string, options metav1.DeleteOptions) []string {
	policy := metav1.DeletePropagationBackground
	if options.PropagationPolicy != nil {
		policy = *options.PropagationPolicy
	}
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

// serveDeleteCollection deletes each object that the selectors pick. One that is gone already is no error.
func (s *Server) serveDeleteCollection(c *call) error {
	options, err := decodeOptions(c)
	if err != nil {
		return err
	}
	selected, err := selectorOf(c)
	if err != nil {
		return err
	}
	if err := s.cache.Fresh(c.r.Context()); err != nil {
		return err
	}
	items, _ := s.cache.List(prefix(c.kind, c.namespace))
	for _, item := range items {
		object, ok := item.Object.(*stored)
		if !ok || !selected.matches(object.object) {
			continue
		}
		each := *c
		each.verb, each.namespace, each.name = "delete", object.object.GetNamespace(), object.object.GetName()
		if _, _, err := s.delete(&each, options); err != nil && !apierrors.IsNotFound(err) {
			return err
		}
	}
	return s.writeObject(c, http.StatusOK, nil, &metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusSuccess})
}
