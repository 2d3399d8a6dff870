package apiserver

import (
	"context"
	"fmt"

	rbacv1 "k8s.io/api/rbac/v1"

	"kubelab/kube/access/rbac"
	"kubelab/kube/api"
)

// firstRoles makes the roles and bindings of every cluster, and gives back to those that are there what they lack. That is done once, when the
// server starts: who changes one of them meanwhile has meant it.
func (s *Server) firstRoles(ctx context.Context) error {
	if s.roles() == nil {
		return nil
	}
	for _, role := range rbac.DefaultRoles() {
		err := s.reconcile(ctx, role, func(have api.Object) api.Object {
			if updated := rbac.ReconcileRole(role, have.(*rbacv1.ClusterRole)); updated != nil {
				return updated
			}
			return have
		})
		if err != nil {
			return err
		}
	}
	for _, binding := range rbac.DefaultBindings() {
		err := s.reconcile(ctx, binding, func(have api.Object) api.Object {
			if updated := rbac.ReconcileBinding(binding, have.(*rbacv1.ClusterRoleBinding)); updated != nil {
				return updated
			}
			return have
		})
		if err != nil {
			return err
		}
	}
	return s.cache.Fresh(ctx)
}

// reconcile makes an object, or of the one that is there what become says.
func (s *Server) reconcile(ctx context.Context, object api.Object, become func(have api.Object) api.Object) error {
	if err := s.ensure(ctx, object.DeepCopyObject().(api.Object)); err != nil {
		return err
	}
	c, err := s.ownCall(ctx, object)
	if err != nil {
		return err
	}
	c.verb, c.name = "update", object.GetName()
	if _, err = s.write(c, intent{act: Update, edit: func(have api.Object) (api.Object, error) {
		return become(have).DeepCopyObject().(api.Object), nil
	}}); err != nil {
		return fmt.Errorf("put %s %s right: %w", c.kind.Kind, c.name, err)
	}
	return nil
}
