package apiserver

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"strconv"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"kubelab/kube/api"
	"kubelab/kube/apiserver/answer"
	"kubelab/kube/store"
	"kubelab/kube/trace"
)

// keyPart is how a kind's keys in the store begin, after /registry/: pods, deployments.apps.
func keyPart(kind *api.Kind) string { return kind.Resource().GroupResource().String() }

// key is where an object lies in the store.
func key(kind *api.Kind, namespace, name string) string {
	if !kind.Namespaced {
		return prefix(kind, "") + name
	}
	return prefix(kind, namespace) + name
}

// prefix is how the keys of all objects of a kind begin: of one namespace, or where that is empty of all.
func prefix(kind *api.Kind, namespace string) string {
	if namespace == "" {
		return "/registry/" + keyPart(kind) + "/"
	}
	return "/registry/" + keyPart(kind) + "/" + namespace + "/"
}

// decodeRecord makes a record of the store into an object or a step. What is neither (a claim) has no object.
func (s *Server) decodeRecord(record store.Record) (any, error) {
	if strings.HasPrefix(record.Key, stepsPrefix) {
		return decodeStep(record)
	}
	rest, isObject := strings.CutPrefix(record.Key, "/registry/")
	if !isObject {
		return nil, nil
	}
	part, _, _ := strings.Cut(rest, "/")
	kind := s.serves.Load().byKey[part]
	if kind == nil {
		return &unserved{record: record}, nil
	}
	return decodeObject(kind, record)
}

// decodeStep completes a step of the record that led to it.
func decodeStep(record store.Record) (*trace.Step, error) {
	step := new(trace.Step)
	if err := json.Unmarshal(record.Value, step); err != nil {
		return nil, err
	}
	if step.ID == "" { // the step of a write: it is known by the revision of its transaction
		step.SetRevision(int64(record.Created))
	}
	return step, nil
}

func decodeObject(kind *api.Kind, record store.Record) (*answer.Object, error) {
	object := kind.New()
	if err := json.Unmarshal(record.Value, object); err != nil {
		return nil, err
	}
	object.GetObjectKind().SetGroupVersionKind(kind.GroupVersionKind) // it may have been stored as another version's
	object.SetResourceVersion(strconv.FormatInt(int64(record.Revision), 10))
	return &answer.Object{Kind: kind, Is: object}, nil
}

// encodeObject is the form in which an object is stored: JSON, which a person can read with etcdctl. The
// revision is etcd's to say.
func encodeObject(kind *api.Kind, object api.Object) ([]byte, error) {
	object.GetObjectKind().SetGroupVersionKind(kind.GroupVersionKind)
	object.SetResourceVersion("")
	return json.Marshal(object)
}

func parseRevision(text string) (store.Revision, error) {
	revision, err := strconv.ParseInt(text, 10, 64)
	if err != nil || revision < 0 {
		return 0, apierrors.NewBadRequest(fmt.Sprintf("resourceVersion: Invalid value: %q: it must be a number that the server gave out", text))
	}
	return store.Revision(revision), nil
}

func revisionOf(object api.Object) store.Revision {
	revision, err := parseRevision(object.GetResourceVersion())
	if err != nil {
		return 0 // an object that was read has a revision
	}
	return revision
}

// get reads one object as it is now.
func (s *Server) get(ctx context.Context, kind *api.Kind, namespace, name string) (api.Object, error) {
	record, err := s.Store.Get(ctx, key(kind, namespace, name))
	if isNotFound(err) {
		return nil, apierrors.NewNotFound(kind.Resource().GroupResource(), name)
	}
	if err != nil {
		return nil, err
	}
	found, err := decodeObject(kind, record)
	if err != nil {
		return nil, apierrors.NewInternalError(fmt.Errorf("read %s: %w", record.Key, err))
	}
	return found.Is, nil
}

// lookup reads other objects for admission, from the cache.
func (s *Server) lookup(ctx context.Context) api.Lookup {
	return func(resource, namespace, name string) api.Object {
		if known := s.Known(resource, namespace, name); known != nil {
			return known
		}
		return s.stored(ctx, resource, namespace, name) // the cache may be a moment behind: it may have been made just before
	}
}

// Known is the object of a resource by its name, as the server last heard of it, or nil. It is shared: nobody may change it. Here as below the
// resource is named with its group, pods or clusterroles.rbac.authorization.k8s.io: another group may have one of the same plural.
func (s *Server) Known(resource, namespace, name string) api.Object {
	kind := s.serves.Load().byKey[resource]
	if kind == nil {
		return nil
	}
	if item := s.cache.Peek(key(kind, namespace, name)); item != nil {
		if found, ok := objectOf(item, kind); ok {
			return found.Is
		}
	}
	return nil
}

// stored reads another object from the store. It is nil if it is not there.
func (s *Server) stored(ctx context.Context, resource, namespace, name string) api.Object {
	kind := s.serves.Load().byKey[resource]
	if kind == nil {
		return nil
	}
	found, err := s.get(ctx, kind, namespace, name)
	if err != nil {
		return nil
	}
	return found
}

// Find is the object of a resource by its name, or nil.
func (s *Server) Find(resource, namespace, name string) api.Object {
	return s.lookup(context.Background())(resource, namespace, name)
}

// Each are the objects of a resource in a namespace, as the server last heard of them. They are shared: nobody may change them.
func (s *Server) Each(resource, namespace string) iter.Seq[api.Object] {
	return func(yield func(api.Object) bool) {
		kind := s.serves.Load().byKey[resource]
		if kind == nil {
			return
		}
		items, _ := s.cache.List(prefix(kind, namespace))
		for _, item := range items {
			if object, ok := objectOf(item, kind); ok && !yield(object.Is) {
				return
			}
		}
	}
}
