package rbac

import (
	"fmt"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
)

// Attributes are what a rule is held against: who wants to do what. It is about a resource, or about a path.
type Attributes struct {
	User   string
	Groups []string

	Verb        string // get, list, watch, create, update, patch, delete, deletecollection, and those that are no request: bind, escalate, impersonate
	Group       string // of the API: "" is core
	Resource    string
	Subresource string
	Namespace   string
	Name        string // empty for a whole collection, and for a create

	NonResource bool   // it is about Path, which may be empty, and no resource
	Path        string // such as /version
}

// Allow is the heart of RBAC: whether one of the rules covers the request.
func Allow(rules []rbacv1.PolicyRule, a Attributes) bool {
	return slices.ContainsFunc(rules, func(rule rbacv1.PolicyRule) bool {
		if !covers(rule.Verbs, a.Verb) {
			return false
		}
		if a.NonResource {
			return slices.ContainsFunc(rule.NonResourceURLs, func(pattern string) bool { return matchesPath(pattern, a.Path) })
		}
		return covers(rule.APIGroups, a.Group) && coversResource(rule.Resources, a) &&
			(len(rule.ResourceNames) == 0 || slices.Contains(rule.ResourceNames, a.Name))
	})
}

func covers(allowed []string, asked string) bool {
	return slices.Contains(allowed, "*") || slices.Contains(allowed, asked)
}

// coversResource: "pods" does not cover "pods/status", "*" covers everything, "*/scale" that subresource
// of every resource.
func coversResource(allowed []string, a Attributes) bool {
	if a.Subresource == "" {
		return covers(allowed, a.Resource)
	}
	return covers(allowed, a.Resource+"/"+a.Subresource) || slices.Contains(allowed, "*/"+a.Subresource)
}

// matchesPath: a pattern that ends in * covers everything that begins like it.
func matchesPath(pattern, path string) bool {
	if prefix, open := strings.CutSuffix(pattern, "*"); open {
		return strings.HasPrefix(path, prefix)
	}
	return pattern == path
}

// A Grant is what one binding gives to whoever asks.
type Grant struct {
	Binding   string // its kind: RoleBinding or ClusterRoleBinding
	Namespace string // of the binding
	Name      string
	Role      rbacv1.RoleRef
	To        rbacv1.Subject // the first of its subjects that is who asks
	// Rules are those of the role. Missing: there is no such role, and the binding gives nothing.
	Rules   []rbacv1.PolicyRule
	Missing bool
}

// Decide says whether the grants allow what is asked, and by which of them. Where none does, the reason says which roles are missing.
func Decide(grants []Grant, a Attributes) (allowed bool, reason string) {
	var missing []string
	for _, g := range grants {
		switch {
		case g.Missing:
			missing = append(missing, fmt.Sprintf("%s.%s %q not found", strings.ToLower(g.Role.Kind), rbacv1.GroupName, g.Role.Name))
		case Allow(g.Rules, a):
			return true, "RBAC: allowed by " + g.String()
		}
	}
	if len(missing) == 0 {
		return false, ""
	}
	slices.Sort(missing)
	missing = slices.Compact(missing)
	text := strings.Join(missing, ", ")
	if len(missing) > 1 {
		text = "[" + text + "]"
	}
	return false, "RBAC: " + text
}

// String names the binding, the role and the subject, as every Kubernetes does: the name stands before its namespace.
func (g Grant) String() string {
	name := g.Name
	if g.Namespace != "" {
		name += "/" + g.Namespace
	}
	to := g.To.Name
	if g.To.Kind == rbacv1.ServiceAccountKind {
		to += "/" + accountNamespace(g.To, g.Namespace)
	}
	return fmt.Sprintf("%s %q of %s %q to %s %q", g.Binding, name, g.Role.Kind, g.Role.Name, g.To.Kind, to)
}

// accountPrefix is how the user name of a service account begins. Its namespace and name follow.
const accountPrefix = "system:serviceaccount:"

// SubjectOf is the first subject of a binding that is who asks. namespace is the binding's.
func SubjectOf(subjects []rbacv1.Subject, namespace, user string, groups []string) (subject rbacv1.Subject, found bool) {
	i := slices.IndexFunc(subjects, func(s rbacv1.Subject) bool {
		switch s.Kind {
		case rbacv1.UserKind:
			return s.Name == user
		case rbacv1.GroupKind:
			return slices.Contains(groups, s.Name)
		case rbacv1.ServiceAccountKind:
			in := accountNamespace(s, namespace)
			return in != "" && user == accountPrefix+in+":"+s.Name
		}
		return false
	})
	if i < 0 {
		return subject, false
	}
	return subjects[i], true
}

// accountNamespace: an account whose namespace is not said is of the binding's.
func accountNamespace(s rbacv1.Subject, binding string) string {
	if s.Namespace == "" {
		return binding
	}
	return s.Namespace
}
