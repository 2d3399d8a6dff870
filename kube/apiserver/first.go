package apiserver

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"kubelab/kube/access"
	"kubelab/kube/api"
	"kubelab/kube/apiserver/bootstrap"
)

// How often the objects that every cluster has are looked for: until they are there, and after that.
const (
	firstObjectsSoon  = 50 * time.Millisecond // etcd may come up later than the server
	firstObjectsAgain = time.Second           // less than a node may be silent: leases need their namespace
)

// bootstrap makes what every cluster has, then calls the server ready, and makes again what somebody deletes.
func (s *Server) bootstrap(ctx context.Context) {
	pause := firstObjectsSoon
	for {
		err := s.cache.Reach(ctx, 1)
		if err == nil {
			err = s.firstObjects(ctx)
		}
		if err == nil && !s.ready.Load() {
			err = s.firstRoles(ctx)
		}
		if err == nil {
			s.ready.Store(true)
			pause = firstObjectsAgain
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

func (s *Server) firstObjects(ctx context.Context) error {
	once, kept := bootstrap.Objects(bootstrap.Server{Host: s.Host, Address: s.Address, Port: s.Port, ServiceIP: s.ServiceIP})
	for _, object := range once {
		if err := s.ensure(ctx, object); err != nil {
			return err
		}
	}
	for _, object := range kept {
		if err := s.ensure(ctx, object); err != nil {
			return err
		}
		if err := s.keepAs(ctx, object); err != nil {
			return err
		}
	}
	return nil
}

// ensure creates an object if it is not there.
func (s *Server) ensure(ctx context.Context, object api.Object) error {
	c, err := s.ownCall(ctx, object)
	if err != nil {
		return err
	}
	if _, err := s.get(ctx, c.kind, object.GetNamespace(), object.GetName()); err == nil {
		return nil
	}
	wanted, err := c.wantsNew(object)
	if err == nil {
		_, err = s.write(c, wanted)
	}
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("create %s %s: %w", c.kind.Kind, object.GetName(), err)
	}
	return nil
}

// keepAs puts an object right where it is otherwise. What others have written beside it stays.
func (s *Server) keepAs(ctx context.Context, object api.Object) error {
	c, err := s.ownCall(ctx, object)
	if err != nil {
		return err
	}
	c.verb, c.name = "update", object.GetName()
	_, err = s.write(c, intent{act: Update, edit: func(have api.Object) (api.Object, error) {
		wanted := object.DeepCopyObject().(api.Object)
		wanted.SetFinalizers(have.GetFinalizers())
		wanted.SetOwnerReferences(have.GetOwnerReferences())
		wanted.SetAnnotations(have.GetAnnotations())
		labels := maps.Clone(have.GetLabels())
		if labels == nil {
			labels = map[string]string{}
		}
		maps.Copy(labels, object.GetLabels())
		wanted.SetLabels(labels)
		return wanted, nil
	}})
	if err != nil {
		return fmt.Errorf("put %s %s right: %w", c.kind.Kind, c.name, err)
	}
	return nil
}

// ownCall is a call that the server makes of itself, to create an object.
func (s *Server) ownCall(ctx context.Context, object api.Object) (*call, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "/", nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("User-Agent", "kubelab/apiserver")
	own := user{name: access.APIServerUser, own: true, speaks: s.Policy.Components(access.APIServerUser, nil)}
	kinds := s.serves.Load().kinds
	for i := range kinds {
		if reflect.TypeOf(kinds[i].New()) == reflect.TypeOf(object) {
			return &call{r: r, user: own, kind: &kinds[i], verb: "create", namespace: object.GetNamespace()}, nil
		}
	}
	return nil, fmt.Errorf("no kind for %T: the server was made without it", object)
}
