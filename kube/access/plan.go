package access

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	rbac "k8s.io/api/rbac/v1"
)

// Request is what authorization looks at. Either Resource or Path is set.
type Request struct {
	User      string
	Groups    []string
	Addresses []netip.Addr // that the user's certificate names

	Verb        string // get, list, watch, create, update, patch, delete, deletecollection
	Group       string // of the API: "" is core
	Resource    string
	Subresource string
	Namespace   string
	Name        string // empty for a whole collection, and for a create

	Path string // of a request that is about no resource: /version

	// Metadata says that the answer is to hold nothing of objects but their metadata, and that a write copies nothing else into it.
	Metadata bool
	// NodeName is the node that a list of pods is limited to by a field selector.
	NodeName string
	// Relations tells what a node has to do with an object. Nil: nothing.
	Relations Relations
}

// SelectingVerbs are those of a request that picks objects by a selector.
var SelectingVerbs = []string{"list", "watch", "deletecollection"}

// Relations are what only the API server knows.
type Relations interface {
	// PodIsOn says whether the pod is bound to the node.
	PodIsOn(node, namespace, pod string) bool
	// PodNeeds says whether a pod that is bound to the node names the Secret or ConfigMap (resource: its plural).
	PodNeeds(node, resource, namespace, name string) bool
}

// Authorize says whether the request may go on, and for which reason. What no rule and no right allows is refused.
func (p *Policy) Authorize(r Request) (allowed bool, reason string) {
	allowed, reason = p.decide(r)
	if p.Told != nil {
		p.Told(r, allowed)
	}
	return allowed, reason
}

func (p *Policy) decide(r Request) (allowed bool, reason string) {
	for _, group := range r.Groups {
		if Allows(everybodys[group], r) {
			return true, "allowed to the group " + group
		}
	}
	is, node, isPart := p.of(r.User, r.Groups)
	if isPart && slices.Contains([]string{"exec", "attach", "portforward"}, r.Subresource) {
		return false, "no part of the cluster steps into a container"
	}
	if node != "" {
		return p.authorizeNode(node, r)
	}
	if slices.ContainsFunc(is.grants, func(g grant) bool { return g.covers(r) }) {
		return true, "allowed to " + r.User
	}
	return false, fmt.Sprintf("no rule allows %s to %s %s", r.User, r.Verb, r.object())
}

// Rules are the rules that go for a user in a namespace. A node may do some of it only to what is its own or its pods'.
func (p *Policy) Rules(user string, groups []string, namespace string) []rbac.PolicyRule {
	var rules []rbac.PolicyRule
	for _, group := range groups {
		rules = append(rules, everybodys[group]...)
	}
	is, _, _ := p.of(user, groups)
	for _, grant := range is.grants {
		if grant.Namespace == "" || grant.Namespace == namespace {
			rules = append(rules, grant.rule)
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
