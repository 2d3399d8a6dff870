package apiserver

import (
	"fmt"
	"slices"
	"sync"

	"kubelab/kube/api"
	"kubelab/kube/apiserver/answer"
	"kubelab/kube/apiserver/discovery"
	"kubelab/kube/apiserver/health"
	"kubelab/kube/apiserver/reviews"
	"kubelab/kube/store"
)

// registry is the kinds that are served. It never changes: another takes its place, and a request that has begun goes on with its own.
type registry struct {
	kinds     []api.Kind
	byPath    map[string]*api.Kind     // "group/version/plural"
	byKey     map[string]*api.Kind     // the first part of the key in the store
	ended     map[string]chan struct{} // by path: closed when the kind is served no more
	documents *discovery.Documents
}

// newRegistry fails where two kinds have one name, or where a kind has no Go type.
func newRegistry(kinds []api.Kind, version string) (*registry, error) {
	kinds = slices.Concat(kinds, reviews.Kinds)
	r := &registry{kinds: kinds, byPath: map[string]*api.Kind{}, byKey: map[string]*api.Kind{}, ended: map[string]chan struct{}{}}
	for i := range kinds {
		kind := &kinds[i]
		path := pathOf(kind)
		if known := r.byPath[path]; known != nil {
			return nil, fmt.Errorf("kind %s: %s is served already, as %s", kind.Kind, path, known.Kind)
		}
		if known := r.byKey[keyPart(kind)]; known != nil {
			return nil, fmt.Errorf("kind %s: its objects would lie where those of %s do", kind.GroupVersionKind, known.GroupVersionKind)
		}
		if !api.Scheme.Recognizes(kind.GroupVersionKind) {
			return nil, fmt.Errorf("kind %s: api.Scheme has no Go type for it", kind.GroupVersionKind)
		}
		r.byPath[path], r.byKey[keyPart(kind)], r.ended[path] = kind, kind, make(chan struct{})
	}
	r.documents = discovery.New(kinds, version, append(slices.Clone(health.Paths), stepsPath)...)
	return r, nil
}

// pathOf is how a kind is found by a request's path.
func pathOf(kind *api.Kind) string { return kind.GroupVersion().String() + "/" + kind.Plural }

// Serve has the server serve these kinds from now on, in the place of those that it served. Requests that have begun go on; watches of a
// kind that is served no more end. Nothing in the store is changed: the objects of a kind that comes back are there again. The error says
// which of the kinds cannot be served; then all stays as it was.
func (s *Server) Serve(kinds []api.Kind) error {
	next, err := newRegistry(kinds, s.Version)
	if err != nil {
		return err
	}
	s.serving.Lock()
	defer s.serving.Unlock()
	before := s.serves.Load()
	if before == nil {
		s.serves.Store(next)
		return nil
	}
	for path, ended := range before.ended {
		if _, stays := next.ended[path]; stays {
			next.ended[path] = ended
		}
	}
	s.serves.Store(next)
	for path, ended := range before.ended {
		if _, stays := next.ended[path]; !stays {
			close(ended)
		}
	}
	s.managers.Forget()
	return nil
}

// unserved is what the cache keeps of an object of no kind that was served when it came.
type unserved struct {
	record store.Record

	mu sync.Mutex
	as *answer.Object
}

// objectOf is what the cache keeps, if it is an object of a kind.
func objectOf(item *store.Item, kind *api.Kind) (*answer.Object, bool) {
	switch kept := item.Object.(type) {
	case *answer.Object:
		if kept.Kind.GroupVersionKind == kind.GroupVersionKind {
			return kept, true
		}
		object, err := decodeObject(kind, item.Record) // another has taken the place of its kind
		return object, err == nil
	case *unserved:
		return kept.object(kind)
	}
	return nil, false
}

// object decodes it now that there is a kind.
func (u *unserved) object(kind *api.Kind) (*answer.Object, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.as == nil || u.as.Kind.GroupVersionKind != kind.GroupVersionKind {
		u.as, _ = decodeObject(kind, u.record) // one that is of another type is left out
	}
	return u.as, u.as != nil
}
