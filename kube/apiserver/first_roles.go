package apiserver

import (
	"context"
	"fmt"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

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
		if err := s.makeRoom(ctx, binding); err != nil {
			return err
		}
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

// makeRoom removes what is in the place of a binding of every cluster and names another role.
func (s *Server) makeRoom(ctx context.Context, binding *rbacv1.ClusterRoleBinding) error {
	c, err := s.ownCall(ctx, binding)
	if err != nil {
		return err
	}
	have, err := s.get(ctx, c.kind, "", binding.Name)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil || !rbac.Replaces(binding, have.(*rbacv1.ClusterRoleBinding)) {
		return err
	}
	c.verb, c.name = "delete", binding.Name
	if _, err = s.write(c, intent{act: Delete}); err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("remove %s %s, which names another role: %w", c.kind.Kind, c.name, err)
	}
	return nil
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
