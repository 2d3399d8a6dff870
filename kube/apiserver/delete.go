package apiserver

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubelab/kube/api"
)

func (s *Server) serveDelete(c *call) error {
	object, gone, err := s.delete(c)
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
func (s *Server) delete(c *call) (object api.Object, removed bool, err error) {
	err = c.settle(func() error {
		current, err := s.get(c.r.Context(), c.kind, c.namespace, c.name)
		if err == nil {
			err = mayDelete(c, current)
		}
		if err == nil {
			object, removed, err = s.tryDelete(c, current)
		}
		return err
	})
	return object, removed, err
}

// mayDelete holds an object against the preconditions of the request and the rules of its kind.
func mayDelete(c *call, current api.Object) error {
	if wanted := c.deletion.Preconditions; wanted != nil {
		if err := sameUID(c, c.name, wanted.UID, current.GetUID()); err != nil {
			return err
		}
		if wanted.ResourceVersion != nil && *wanted.ResourceVersion != current.GetResourceVersion() {
			//lint:ignore ST1005 it is the sentence that every Kubernetes says
			err := fmt.Errorf("Precondition failed: ResourceVersion in precondition: %v, ResourceVersion in object meta: %v", *wanted.ResourceVersion, current.GetResourceVersion())
			return apierrors.NewConflict(c.kind.Resource().GroupResource(), c.name, err)
		}
	}
	if c.kind.Protect != nil {
		if reason := c.kind.Protect(current); reason != "" {
			return apierrors.NewForbidden(c.kind.Resource().GroupResource(), c.name, errors.New(reason))
		}
	}
	return nil
}

func (s *Server) tryDelete(c *call, current api.Object) (api.Object, bool, error) {
	if err := s.restrict(c, nil, current); err != nil {
		return nil, false, err
	}
	object := current.DeepCopyObject().(api.Object)
	changed := markDeleted(c.kind, object, c.deletion, time.Now())
	w := &mutation{c: c, old: current, new: object, revision: revisionOf(current)}
	if err := s.claim(w); err != nil {
		return nil, false, err
	}
	removed := gone(c.kind, object)
	if removed {
		w.new, w.claims = nil, nil
	}
	if !removed && !changed {
		return object, removed, nil
	}
	return object, removed, s.commit(w)
}

// serveDeleteCollection deletes each object that the selectors pick. One that is gone already is no error.
func (s *Server) serveDeleteCollection(c *call) error {
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
		if _, _, err := s.delete(&each); err != nil && !apierrors.IsNotFound(err) {
			return err
		}
	}
	return s.writeObject(c, http.StatusOK, nil, &metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusSuccess})
}
