package apiserver

import (
	"errors"
	"fmt"
	"net/http"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubelab/kube/api"
	"kubelab/kube/store"
)

// edit makes the new object out of the current one, which it must not change. It is called again when another write
// was faster.
type edit func(current api.Object) (api.Object, error)

func (s *Server) serveUpdate(c *call) error {
	object, err := decodeBody(c, c.kind)
	if err != nil {
		return err
	}
	if err := c.sameName(c.kind.Kind, object); err != nil {
		return err
	}
	updated, err := s.update(c, func(api.Object) (api.Object, error) { return object.DeepCopyObject().(api.Object), nil })
	if err != nil {
		return err
	}
	return s.writeObject(c, http.StatusOK, c.kind, updated)
}

// sameName refuses a body that names another object than the path does, whose name is the one that access was granted to.
func (c *call) sameName(kind string, body metav1.Object) error {
	switch name, namespace := body.GetName(), body.GetNamespace(); {
	case name != c.name && c.verb == "create":
		return apierrors.NewBadRequest(fmt.Sprintf("name in URL does not match name in %s object: %q, %q", kind, c.name, name))
	case name != c.name:
		return apierrors.NewBadRequest(fmt.Sprintf("the name of the object (%s) does not match the name on the URL (%s)", name, c.name))
	case c.namespace != "" && namespace != "" && namespace != c.namespace:
		return apierrors.NewBadRequest(fmt.Sprintf("the namespace of the object (%s) does not match the namespace on the request (%s)", namespace, c.namespace))
	}
	body.SetNamespace(c.namespace)
	return nil
}

// update reads, edits and writes, until no other write comes in between. An edit that carries a resourceVersion
// is refused then: its author wants to know of the other write.
func (s *Server) update(c *call, change edit) (updated api.Object, err error) {
	err = c.settle(func() error {
		current, err := s.get(c.r.Context(), c.kind, c.namespace, c.name)
		if err == nil {
			updated, err = s.tryEdit(c, current, change)
		}
		return err
	})
	return updated, err
}

// tryEdit edits current and writes the result.
func (s *Server) tryEdit(c *call, current api.Object, change edit) (api.Object, error) {
	object, err := change(current)
	if err != nil {
		return nil, err
	}
	if pinned := object.GetResourceVersion(); pinned != "" && pinned != current.GetResourceVersion() {
		return nil, conflict(c)
	}
	return object, s.tryUpdate(c, current, object)
}

func conflict(c *call) error {
	return apierrors.NewConflict(c.kind.Resource().GroupResource(), c.name,
		errors.New("the object has been modified; please apply your changes to the latest version and try again"))
}

// tryUpdate replaces current by object, which then is what is stored. Where nothing changed, nothing is written.
func (s *Server) tryUpdate(c *call, current, object api.Object) error {
	if err := s.prepareUpdate(c, current, object); err != nil {
		return err
	}
	object.SetResourceVersion(current.GetResourceVersion()) // one who names none writes over whatever there is
	if err := validate(c.kind, object, current); err != nil {
		return err
	}
	c.warnAbout(object, current)
	w := &mutation{c: c, old: current, new: object, revision: revisionOf(current)}
	if err := s.claim(w); err != nil {
		return err
	}
	object.GetObjectKind().SetGroupVersionKind(c.kind.GroupVersionKind)
	if apiequality.Semantic.DeepEqual(current, object) {
		return nil
	}
	if gone(c.kind, object) { // the last finalizer has just been taken off
		w.new, w.claims = nil, nil
	}
	return s.commit(w)
}

// prepareUpdate puts back what a client may not change, and lets the kind do its part.
func (s *Server) prepareUpdate(c *call, current, object api.Object) error {
	if uid := object.GetUID(); uid != "" {
		if err := sameUID(c, c.name, &uid, current.GetUID()); err != nil {
			return err
		}
	}
	keepMetadata(object, current)
	switch {
	case c.subresource == "status":
		keepAllButStatus(object, current)
	case c.kind.HasStatus:
		keep("Status", object, current)
	}
	if c.kind.Default != nil {
		c.kind.Default(object)
	}
	if c.kind.Prepare != nil && c.subresource == "" {
		c.kind.Prepare(object, current)
	}
	if specField(object).IsValid() && !sameSpec(object, current) {
		object.SetGeneration(current.GetGeneration() + 1)
	}
	if err := s.restrict(c, object, current); err != nil {
		return err
	}
	return s.fields.track(c, current, object)
}

// keepMetadata puts back the metadata that is the server's own.
func keepMetadata(object, current api.Object) {
	object.SetUID(current.GetUID())
	object.SetCreationTimestamp(current.GetCreationTimestamp())
	object.SetDeletionTimestamp(current.GetDeletionTimestamp())
	object.SetDeletionGracePeriodSeconds(current.GetDeletionGracePeriodSeconds())
	object.SetGenerateName(current.GetGenerateName())
	object.SetGeneration(current.GetGeneration())
	object.SetSelfLink("")
	if object.GetManagedFields() == nil {
		object.SetManagedFields(current.GetManagedFields())
	}
}

// keepAllButStatus makes a write of a status just that: who may write it (a node, of its pods) shall not set labels by which
// a pod joins a Service, nor owners and finalizers by which it is removed or kept. Annotations go with the status, as
// upstream lets them.
func keepAllButStatus(object, current api.Object) {
	updated := current.DeepCopyObject().(api.Object)
	keep("Status", updated, object)
	updated.SetAnnotations(object.GetAnnotations())
	updated.SetManagedFields(object.GetManagedFields())
	keepAll(object, updated)
}

func revisionOf(object api.Object) store.Revision {
	revision, err := parseRevision(object.GetResourceVersion())
	if err != nil {
		return 0 // an object that was read has a revision
	}
	return revision
}
