package access

import (
	"fmt"
	"slices"
	"strings"

	rbac "k8s.io/api/rbac/v1"
)

// Request is what authorization looks at. Either Resource or Path is set.
type Request struct {
	User   string
	Groups []string

	Verb        string // get, list, watch, create, update, patch, delete, deletecollection
	Group       string // of the API: "" is core
	Resource    string
	Subresource string
	Namespace   string
	Name        string // empty for a whole collection, and for a create

	Path string // of a request that is about no resource: /version

	// NodeName is the node that a list of pods is limited to by a field selector.
	NodeName string
	// Relations tells what a node has to do with an object. Nil: nothing.
	Relations Relations
}

// Relations are what only the API server knows.
type Relations interface {
	// PodIsOn says whether the pod is bound to the node.
	PodIsOn(node, namespace, pod string) bool
	// PodNeeds says whether a pod that is bound to the node names the Secret or ConfigMap (resource: its plural).
	PodNeeds(node, resource, namespace, name string) bool
}

// Authorize says whether the request may go on, and for which reason. Whoever is bound to no rule that
// allows the request is refused.
func Authorize(r Request) (allowed bool, reason string) {
	if slices.Contains(r.Groups, MastersGroup) {
		return true, "the group " + MastersGroup + " may do everything"
	}
	if IsComponent(r.User, r.Groups) && slices.Contains([]string{"exec", "attach", "portforward"}, r.Subresource) {
		return false, "no part of the cluster steps into a container"
	}
	for _, binding := range bindings {
		if binding.holds(r.User, r.Groups) && Allows(binding.rules, r) {
			return true, "allowed to " + binding.subject
		}
	}
	if node, isNode := nodeOf(r.User, r.Groups); isNode {
		return authorizeNode(node, r)
	}
	return false, fmt.Sprintf("no rule allows %s to %s %s", r.User, r.Verb, r.object())
}

// Rules are the rules that a user is bound to. What a node may do beside depends on its pods.
func Rules(user string, groups []string) []rbac.PolicyRule {
	var rules []rbac.PolicyRule
	if slices.Contains(groups, MastersGroup) {
		rules = append(rules, rbac.PolicyRule{Verbs: everything, APIGroups: everything, Resources: everything},
			rbac.PolicyRule{Verbs: everything, NonResourceURLs: everything})
	}
	for _, binding := range bindings {
		if binding.holds(user, groups) {
			rules = append(rules, binding.rules...)
		}
	}
	return rules
}

// Allows is the heart of RBAC: whether one of the rules covers the request.
func Allows(rules []rbac.PolicyRule, r Request) bool {
	return slices.ContainsFunc(rules, func(rule rbac.PolicyRule) bool {
		if !covers(rule.Verbs, r.Verb) {
			return false
		}
		if r.Path != "" {
			return slices.ContainsFunc(rule.NonResourceURLs, func(pattern string) bool { return matchesPath(pattern, r.Path) })
		}
		return covers(rule.APIGroups, r.Group) && coversResource(rule.Resources, r) &&
			(len(rule.ResourceNames) == 0 || slices.Contains(rule.ResourceNames, r.Name))
	})
}

func covers(allowed []string, asked string) bool {
	return slices.Contains(allowed, "*") || slices.Contains(allowed, asked)
}

// coversResource: "pods" does not cover "pods/status", "*" covers everything, "*/scale" that subresource
// of every resource.
func coversResource(allowed []string, r Request) bool {
	if r.Subresource == "" {
		return covers(allowed, r.Resource)
	}
	return covers(allowed, r.Resource+"/"+r.Subresource) || slices.Contains(allowed, "*/"+r.Subresource)
}

// matchesPath: a pattern that ends in * covers everything that begins like it.
func matchesPath(pattern, path string) bool {
	if prefix, open := strings.CutSuffix(pattern, "*"); open {
		return strings.HasPrefix(path, prefix)
	}
	return pattern == path
}

func (r Request) object() string {
	if r.Path != "" {
		return r.Path
	}
	text := r.Resource
	if r.Subresource != "" {
		text += "/" + r.Subresource
	}
	if r.Name != "" {
		text += " " + r.Name
	}
	if r.Group != "" {
		text += " of " + r.Group
	}
	if r.Namespace != "" {
		text += " in " + r.Namespace
	}
	return text
}
