package rbac

import (
	"iter"

	rbacv1 "k8s.io/api/rbac/v1"

	"kubelab/kube/api"
)

// The resources of this room.
const (
	roles               = "roles"
	roleBindings        = "rolebindings"
	clusterRoles        = "clusterroles"
	clusterRoleBindings = "clusterrolebindings"

	ofGroup = "." + rbacv1.GroupName
)

// Objects are where roles and bindings are found: what the API server has in its memory. They are shared: nobody may change them.
type Objects interface {
	// Known is the object of a resource by its name as the server last heard of it, or nil. The resource is named with its group:
	// roles.rbac.authorization.k8s.io.
	Known(resource, namespace, name string) api.Object
	// Each are the objects of a resource in a namespace, as the server last heard of them.
	Each(resource, namespace string) iter.Seq[api.Object]
}

// Find gathers what is given to whoever asks, by all ClusterRoleBindings and by the RoleBindings of a namespace.
func Find(objects Objects, user string, groups []string, namespace string) []Grant {
	var found []Grant
	for object := range objects.Each(clusterRoleBindings+ofGroup, "") {
		if b, ok := object.(*rbacv1.ClusterRoleBinding); ok {
			if to, is := SubjectOf(b.Subjects, "", user, groups); is {
				found = append(found, grant(objects, Grant{Binding: "ClusterRoleBinding", Name: b.Name, Role: b.RoleRef, To: to}))
			}
		}
	}
	if namespace == "" {
		return found
	}
	for object := range objects.Each(roleBindings+ofGroup, namespace) {
		if b, ok := object.(*rbacv1.RoleBinding); ok {
			if to, is := SubjectOf(b.Subjects, b.Namespace, user, groups); is {
				found = append(found, grant(objects, Grant{Binding: "RoleBinding", Namespace: b.Namespace, Name: b.Name, Role: b.RoleRef, To: to}))
			}
		}
	}
	return found
}

// grant completes a grant by the rules of its role.
func grant(objects Objects, g Grant) Grant {
	rules, there := RulesOf(objects, g.Role, g.Namespace)
	g.Rules, g.Missing = rules, !there
	return g
}

// RulesOf are the rules of the role that a binding in a namespace names. There may be no such role.
func RulesOf(objects Objects, role rbacv1.RoleRef, namespace string) (rules []rbacv1.PolicyRule, there bool) {
	if role.Kind == "ClusterRole" {
		if is, ok := objects.Known(clusterRoles+ofGroup, "", role.Name).(*rbacv1.ClusterRole); ok {
			return is.Rules, true
		}
		return nil, false
	}
	if is, ok := objects.Known(roles+ofGroup, namespace, role.Name).(*rbacv1.Role); ok && namespace != "" {
		return is.Rules, true
	}
	return nil, false
}

// RulesToBe are [RulesOf] and what the role is yet to gather by its aggregationRule.
func RulesToBe(objects Objects, role rbacv1.RoleRef, namespace string) (rules []rbacv1.PolicyRule, there bool) {
	if is, ok := objects.Known(clusterRoles+ofGroup, "", role.Name).(*rbacv1.ClusterRole); ok && role.Kind == "ClusterRole" && is.AggregationRule != nil {
		return Reach(is, ClusterRoles(objects)), true
	}
	return RulesOf(objects, role, namespace)
}

// ClusterRoles are all that there are.
func ClusterRoles(objects Objects) []*rbacv1.ClusterRole {
	var all []*rbacv1.ClusterRole
	for object := range objects.Each(clusterRoles+ofGroup, "") {
		if role, ok := object.(*rbacv1.ClusterRole); ok {
			all = append(all, role)
		}
	}
	return all
}

// OfEveryCluster are the roles and bindings of every cluster, as they are before anybody has changed one.
var OfEveryCluster Objects = defaults{DefaultRoles(), DefaultBindings()}

type defaults struct {
	roles    []*rbacv1.ClusterRole
	bindings []*rbacv1.ClusterRoleBinding
}

func (d defaults) Known(resource, _, name string) api.Object {
	for _, role := range d.roles {
		if resource == clusterRoles+ofGroup && role.Name == name {
			return role
		}
	}
	return nil
}

func (d defaults) Each(resource, _ string) iter.Seq[api.Object] {
	return func(yield func(api.Object) bool) {
		for _, binding := range d.bindings {
			if resource == clusterRoleBindings+ofGroup && !yield(binding) {
				return
			}
		}
	}
}
