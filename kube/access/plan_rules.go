package access

import (
	"fmt"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"

	"kubelab/kube/access/rbac"
	"kubelab/kube/component"
)

// Policy is who may do what, as far as it is compiled in: what the parts of the cluster declare that they do. It does not change. What goes for
// everybody else, roles and bindings say (package rbac).
type Policy struct {
	parts map[string]part // by user; all nodes are under NodePrefix
	// Told hears of every decision, in a test that compares what is used with what is granted.
	Told func(r Request, allowed bool)
}

// part is a part of the cluster.
type part struct {
	speaks []string // the names by which it may speak in the causal record: the first is its own
	grants []grant
}

// grant is a right, and the same as a rule.
type grant struct {
	component.Right
	rule rbacv1.PolicyRule
}

// NewPolicy makes the policy of a cluster that has the given parts. It fails when one of them is declared wrongly.
func NewPolicy(all []component.Component) (*Policy, error) {
	if err := component.Check(all); err != nil {
		return nil, fmt.Errorf("declarations of the cluster's components:\n%w", err)
	}
	p := &Policy{parts: map[string]part{APIServerUser: {speaks: []string{"apiserver"}}}}
	for _, c := range all {
		if c.User == "" {
			continue
		}
		is := part{speaks: append([]string{c.Name}, c.Speaks...)}
		for _, right := range c.AllRights() {
			is.grants = append(is.grants, grant{right, right.Rule()})
		}
		p.parts[c.UserOn("")] = is
	}
	return p, nil
}

// of finds the part that a user is, and of a kubelet its node.
func (p *Policy) of(user string, groups []string) (is part, node string, known bool) {
	if node, isNode := nodeOf(user, groups); isNode {
		return p.parts[NodePrefix], node, true
	}
	if strings.HasPrefix(user, NodePrefix) {
		return part{}, "", false // it only calls itself a node
	}
	is, known = p.parts[user]
	return is, "", known
}

// Components are the names by which a user may speak in the causal record, its own first. They are none for whoever is no
// part of the cluster.
func (p *Policy) Components(user string, groups []string) []string {
	is, _, _ := p.of(user, groups)
	return is.speaks
}

// IsComponent says whether a user is a part of the cluster. Only those are believed when they say what caused a write.
func (p *Policy) IsComponent(user string, groups []string) bool {
	return len(p.Components(user, groups)) > 0
}

// covers says whether the right covers a request, but for what the node has to do with it. A new object's name stands in its body:
// [Policy.Restrict] holds it against the right.
func (g grant) covers(r Request) bool {
	if isNew(r) && len(g.Names) > 0 {
		r.Name = g.Names[0]
	}
	return g.coversNamed(r)
}

// coversNamed is covers for an object whose name is known. A right to all resources is none to their subresources.
func (g grant) coversNamed(r Request) bool {
	if g.Namespace != "" && r.Namespace != g.Namespace {
		return false
	}
	if r.Subresource != "" && !slices.Contains(g.Resources, r.Resource+"/"+r.Subresource) {
		return false
	}
	if g.Metadata && !r.Metadata { // also of a write: the answer is the object
		return false
	}
	return rbac.Allow([]rbacv1.PolicyRule{g.rule}, r.Attributes)
}

// isNew says whether the name of the object of a request is not known from its path.
func isNew(r Request) bool { return r.Verb == "create" && r.Name == "" }

// health is what everybody may ask, even while there are no roles yet: is the server well?
var health = []rbacv1.PolicyRule{{Verbs: []string{"get"}, NonResourceURLs: []string{"/healthz", "/healthz/*", "/livez", "/livez/*", "/readyz", "/readyz/*"}}}

// What goes for the parts of the cluster, and for the group that may do everything, is what the roles of every cluster say of their groups. But no
// role or binding is asked for it: who changes one of these locks out nobody whom the cluster needs, nor who could put it right.
var (
	partsRules   = rulesOf(AuthenticatedGroup)
	mastersRules = rulesOf(MastersGroup)
)

func rulesOf(group string) []rbacv1.PolicyRule {
	var rules []rbacv1.PolicyRule
	for _, grant := range rbac.Find(rbac.OfEveryCluster, "", []string{group}, "") {
		rules = append(rules, grant.Rules...)
	}
	return rules
}

// nodeOf is the node whose kubelet a user is.
func nodeOf(user string, groups []string) (string, bool) {
	node, named := strings.CutPrefix(user, NodePrefix)
	return node, named && node != "" && slices.Contains(groups, NodesGroup)
}

// HostOf is where a part of the cluster runs, by its certificate: the node of a kubelet, else the first DNS name in it.
func HostOf(user string, groups, names []string) string {
	if node, isNode := nodeOf(user, groups); isNode {
		return node
	}
	if len(names) > 0 {
		return names[0]
	}
	return ""
}
