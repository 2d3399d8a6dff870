package access

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"kubelab/kube/access/rbac"
)

// A gift is rights that a write gives away: those of a role that is written, or of the one that a binding names.
type gift struct {
	rules []rbacv1.PolicyRule
	role  *rbacv1.RoleRef // of a binding, whose rules are to be found
	// leave is what somebody asks who may give what they do not have.
	leave rbac.Attributes
	// all: what is given is whatever others will write.
	all bool
}

// restrictGrants says whether whoever writes a role or a binding may give away what it gives: one gives what one has. All that is
// done to it counts, but for what the collector of garbage does.
func (p *Policy) restrictGrants(r Request, old, new any) error {
	given, gives := giftOf(r, old, new)
	if !gives || r.User == APIServerUser || old != nil && sameButTies(old, new) {
		return nil
	}
	asked := r
	asked.Attributes = given.leave
	asked.User, asked.Groups = r.User, r.Groups
	if may, _ := p.decide(asked); may {
		return nil
	}
	if given.role != nil {
		rules, there := rbac.RulesOf(r.roles(), *given.role, r.Namespace)
		if !there {
			return apierrors.NewNotFound(schema.GroupResource{Group: rbacv1.GroupName, Resource: given.leave.Resource}, given.role.Name)
		}
		given.rules = rules
	}
	held := p.Rules(r, r.Namespace)
	if given.all && len(rbac.Missing(held, mastersRules)) > 0 {
		return errors.New("must have cluster-admin privileges to use an aggregationRule")
	}
	missing := rbac.Missing(held, given.rules)
	if len(missing) == 0 {
		return nil
	}
	var texts []string
	for _, rule := range missing {
		texts = append(texts, rbac.Text(rule))
	}
	slices.Sort(texts)
	return fmt.Errorf("user %q (groups=%q) is attempting to grant RBAC permissions not currently held:\n%s", r.User, r.Groups, strings.Join(texts, "\n"))
}

// giftOf is what a write gives away, if it is about roles or bindings.
func giftOf(r Request, old, new any) (g gift, gives bool) {
	g.leave = r.Attributes
	g.leave.Verb = "escalate"
	switch new := new.(type) {
	case *rbacv1.Role:
		g.rules = new.Rules
	case *rbacv1.ClusterRole:
		before, _ := old.(*rbacv1.ClusterRole)
		if before != nil && gathered(r, before, new) {
			return g, false
		}
		g.rules, g.all = new.Rules, new.AggregationRule != nil || before != nil && before.AggregationRule != nil
	case *rbacv1.RoleBinding:
		return giftOfBinding(r, new.RoleRef), true
	case *rbacv1.ClusterRoleBinding:
		return giftOfBinding(r, new.RoleRef), true
	default:
		return g, false
	}
	return g, true
}

// giftOfBinding is the rules of the role that a binding names.
func giftOfBinding(r Request, role rbacv1.RoleRef) gift {
	resource := strings.ToLower(role.Kind) + "s"
	return gift{role: &role, leave: rbac.Attributes{Verb: "bind", Group: rbacv1.GroupName, Resource: resource, Namespace: r.Namespace, Name: role.Name}}
}

// gathered says whether a write changes nothing of a ClusterRole but its rules, and these to what its aggregationRule comes to. That
// gives nobody anything that those did not give who wrote the other roles, so the loop that does it needs no leave to give.
func gathered(r Request, old, new *rbacv1.ClusterRole) bool {
	if new.AggregationRule == nil {
		return false
	}
	with := old.DeepCopy()
	with.Rules = new.Rules
	return sameButTies(with, new) && apiequality.Semantic.DeepEqual(new.Rules, rbac.Aggregate(new, rbac.ClusterRoles(r.roles())))
}
