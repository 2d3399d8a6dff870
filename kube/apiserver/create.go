package apiserver

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/rand"
	"k8s.io/apimachinery/pkg/util/uuid"

	"kubelab/kube/api"
	"kubelab/kube/store"
)

func (s *Server) serveCreate(c *call) error {
	if c.name != "" {
		return apierrors.NewMethodNotSupported(c.kind.Resource().GroupResource(), "POST on a name")
	}
	object, err := decodeBody(c, c.kind)
	if err != nil {
		return err
	}
	created, err := s.create(c, object)
	if err != nil {
		return err
	}
	return s.writeObject(c, http.StatusCreated, c.kind, created)
}

// nameAttempts bounds how many names are made up for one object.
const nameAttempts = 8

// create stores a new object. Where the server makes up the name, a name that is taken is made up again.
func (s *Server) create(c *call, wanted api.Object) (api.Object, error) {
	if wanted.GetResourceVersion() != "" {
		return nil, apierrors.NewBadRequest("metadata.resourceVersion: it should not be set on objects to be created")
	}
	madeUp := wanted.GetName() == "" && wanted.GetGenerateName() != ""
	var object api.Object
	var names int
	err := c.settle(func() error {
		object = wanted.DeepCopyObject().(api.Object)
		if madeUp {
			object.SetName(generateName(object.GetGenerateName()))
			names++
		}
		err := s.tryCreate(c, object)
		switch taken := errors.Is(err, store.ErrConflict); {
		case taken && !madeUp:
			return apierrors.NewAlreadyExists(c.kind.Resource().GroupResource(), object.GetName())
		case taken && names == nameAttempts:
			return apierrors.NewGenerateNameConflict(c.kind.Resource().GroupResource(), object.GetName(), 1)
		}
		return err
	})
	return object, err
}

// generateName adds five letters to a prefix, which is cut so that the whole stays a valid name.
func generateName(prefix string) string {
	const longest = 63 - 5
	return prefix[:min(len(prefix), longest)] + rand.String(5)
}

// prepareCreate fills in what the client left out or has no say in.
func (s *Server) prepareCreate(c *call, object api.Object) error {
	if err := c.place(object); err != nil {
		return err
	}
	object.SetUID(uuid.NewUUID())
	object.SetCreationTimestamp(metav1.Time{Time: time.Now().Truncate(time.Second)})
	object.SetDeletionTimestamp(nil)
	object.SetDeletionGracePeriodSeconds(nil)
	object.SetSelfLink("")
	object.SetGeneration(0)
	if specField(object).IsValid() {
		object.SetGeneration(1)
	}
	if c.kind.HasStatus && !c.kind.KeepsStatus {
		clearStatus(object)
	}
	if c.kind.Default != nil {
		c.kind.Default(object)
	}
	if c.kind.Admit != nil {
		if err := c.kind.Admit(object, s.lookup(c.r.Context())); err != nil {
			return err
		}
	}
	if c.kind.Prepare != nil {
		c.kind.Prepare(object, nil)
	}
	if err := s.restrict(c, object, nil); err != nil {
		return err
	}
	return s.fields.track(c, c.kind.New(), object)
}

func (s *Server) tryCreate(c *call, object api.Object) error {
	if err := s.prepareCreate(c, object); err != nil {
		return err
	}
	open, err := s.namespaceOpen(c, object.GetNamespace())
	if err != nil {
		return err
	}
	if err := validate(c.kind, object, nil); err != nil {
		return err
	}
	c.warnAbout(object, nil)
	w := &mutation{c: c, new: object, namespace: open}
	if err := s.claim(w); err != nil {
		return err
	}
	return s.commit(w)
}

// place puts the object where the URL says, and refuses one that says otherwise.
func (c *call) place(object api.Object) error {
	if !c.kind.Namespaced {
		object.SetNamespace("")
		return nil
	}
	if in := object.GetNamespace(); in != "" && in != c.namespace {
		return apierrors.NewBadRequest(fmt.Sprintf("the namespace of the provided object does not match the namespace sent on the request: metadata.namespace is %q, the URL says %q", in, c.namespace))
	}
	object.SetNamespace(c.namespace)
	return nil
}

// lookup reads other objects for admission, from the cache.
func (s *Server) lookup(ctx context.Context) api.Lookup {
	return func(plural, namespace, name string) api.Object {
		for i := range s.Kinds {
			kind := &s.Kinds[i]
			if kind.Plural != plural {
				continue
			}
			if item := s.cache.Peek(key(kind, namespace, name)); item != nil {
				if found, ok := item.Object.(*stored); ok {
					return found.object
				}
			}
			// The cache may be a moment behind: the object may have been made just before.
			if found, err := s.get(ctx, kind, namespace, name); err == nil {
				return found
			}
		}
		return nil
	}
}

// namespaceOpen refuses new objects in a namespace that does not exist or is going away. It returns the namespace
// as it saw it: the write holds only if that is still so.
func (s *Server) namespaceOpen(c *call, name string) (api.Object, error) {
	if name == "" {
		return nil, nil
	}
	namespace := s.lookup(c.r.Context())("namespaces", "", name)
	if namespace == nil {
		return nil, apierrors.NewNotFound(namespaces, name)
	}
	if namespace.GetDeletionTimestamp() != nil {
		err := apierrors.NewForbidden(c.kind.Resource().GroupResource(), c.name, fmt.Errorf("unable to create new content in namespace %s because it is being terminated", name))
		err.ErrStatus.Details.Causes = append(err.ErrStatus.Details.Causes, metav1.StatusCause{
			Type: corev1.NamespaceTerminatingCause, Message: fmt.Sprintf("namespace %s is being terminated", name), Field: "metadata.namespace"})
		return nil, err
	}
	return namespace, nil
}

// sameUID refuses a write that was meant for an object of the same name which is gone.
func sameUID(c *call, name string, wanted *types.UID, have types.UID) error {
	if wanted == nil || *wanted == have {
		return nil
	}
	//lint:ignore ST1005 it is the sentence that every Kubernetes says
	err := fmt.Errorf("Precondition failed: UID in precondition: %v, UID in object meta: %v", *wanted, have)
	return apierrors.NewConflict(c.kind.Resource().GroupResource(), name, err)
}
