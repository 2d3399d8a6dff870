package access

import (
	"fmt"
	"net/netip"
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"

	"kubelab/kube/access/rbac"
)

// Request is what authorization looks at.
type Request struct {
	rbac.Attributes              // who wants to do what
	Addresses       []netip.Addr // that the user's certificate names
	Own             bool         // it is the API server's, which makes what every cluster has: nobody has sent it

	// Metadata says that the answer is to hold nothing of objects but their metadata, and that a write copies nothing else into it.
	Metadata bool
	// NodeName is the node that a list of pods is limited to by a field selector.
	NodeName string
	// Relations tells what a node has to do with an object. Nil: nothing.
	Relations Relations
	// Roles are where the roles and bindings are that users write. Nil: there are those of every cluster, and no others.
	Roles rbac.Objects
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
	if slices.Contains(r.Groups, MastersGroup) {
		return true, "allowed to the group " + MastersGroup
	}
	if rbac.Allow(health, r.Attributes) {
		return true, "allowed to everybody"
	}
	is, node, isPart := p.of(r.User, r.Groups)
	switch {
	case !isPart:
		return rbac.Decide(rbac.Find(r.roles(), r.User, r.Groups, r.Namespace), r.Attributes)
	case slices.Contains([]string{"exec", "attach", "portforward"}, r.Subresource):
		return false, "no part of the cluster steps into a container"
	case rbac.Allow(partsRules, r.Attributes):
		return true, "allowed to all parts of the cluster"
	case node != "":
		return p.authorizeNode(node, r)
	case slices.ContainsFunc(is.grants, func(g grant) bool { return g.covers(r) }):
		return true, "allowed to " + r.User
	}
	return false, fmt.Sprintf("no rule allows %s to %s %s", r.User, r.Verb, r.object())
}

// Rules are the rules that go in a namespace for whoever asks. A node may do some of it only to what is its own or its pods'.
func (p *Policy) Rules(r Request, namespace string) []rbacv1.PolicyRule {
	rules := slices.Clone(health)
	if slices.Contains(r.Groups, MastersGroup) {
		rules = append(rules, mastersRules...)
	}
	is, _, isPart := p.of(r.User, r.Groups)
	if !isPart {
		for _, grant := range rbac.Find(r.roles(), r.User, r.Groups, namespace) {
			rules = append(rules, grant.Rules...)
		}
		return rules
	}
	rules = append(rules, partsRules...)
	for _, grant := range is.grants {
		if grant.Namespace == "" || grant.Namespace == namespace {
			rules = append(rules, grant.rule)
		}
	}
	return rules
}

// roles are those that the request is to be held against.
func (r Request) roles() rbac.Objects {
	if r.Roles == nil {
		return rbac.OfEveryCluster
	}
	return r.Roles
}

func (r Request) object() string {
	if r.NonResource {
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
