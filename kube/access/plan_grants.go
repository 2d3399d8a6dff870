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
	"k8s.io/apimachinery/pkg/util/validation/field"

	"kubelab/kube/access/rbac"
)

// A gift is rights that a write gives away: those of a role that is written, or of the one that a binding names.
type gift struct {
	kind  string // of what is written
	rules []rbacv1.PolicyRule
	role  *rbacv1.RoleRef // of a binding, whose rules are to be found
	// leave is what somebody asks who may give what they do not have.
	leave rbac.Attributes
	// all: what is given is whatever others will write.
	all bool
}

// restrictGrants says whether whoever writes a role or a binding may give away what it gives: one gives what one has. All that is
// done to it counts, but for what the collector of garbage does. A part of the cluster gives nothing: of what it has, much is narrowed in a way that
// no rule can say.
func (p *Policy) restrictGrants(r Request, old, new any) error {
	given, gives := giftOf(r, old, new)
	if !gives || r.Own || old != nil && sameButTies(old, new) {
		return nil
	}
	asked := r
	asked.Attributes = given.leave
	asked.User, asked.Groups = r.User, r.Groups
	if may, _ := p.decide(asked); may {
		return nil
	}
	if _, _, isPart := p.of(r.User, r.Groups); isPart {
		return fmt.Errorf("%s is a part of the cluster and gives no rights: it may only write the rules that an aggregationRule comes to, or whose something is", r.User)
	}
	if given.role != nil {
		if wrong := rbac.ValidateRoleRef(*given.role, given.kind == "RoleBinding"); len(wrong) > 0 {
			return given.invalid(r, wrong...)
		}
		rules, there := rbac.RulesToBe(r.roles(), *given.role, r.Namespace)
		if !there {
			return apierrors.NewNotFound(schema.GroupResource{Group: rbacv1.GroupName, Resource: given.leave.Resource}, given.role.Name)
		}
		given.rules = rules
	}
	return given.heldBy(r, p.Rules(r, r.Namespace))
}

// heldBy says what of a gift its giver, who holds these rules, does not have.
func (g gift) heldBy(r Request, held []rbacv1.PolicyRule) error {
	if g.all && len(rbac.Missing(held, mastersRules)) > 0 {
		return errors.New("must have cluster-admin privileges to use an aggregationRule")
	}
	if rule, why := rbac.TooWide(held, g.rules); why != "" {
		return g.invalid(r, g.tooWide(rule, why))
	}
	missing := rbac.Missing(held, g.rules)
	if len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("user %q (groups=%q) is attempting to grant RBAC permissions not currently held:\n%s", r.User, r.Groups, textOf(missing))
}

// How much of what is missing is told.
const (
	maxTold = 20   // rules
	maxText = 1000 // bytes of each
)

// textOf is rules, a line each.
func textOf(missing []rbacv1.PolicyRule) string {
	var texts []string
	for _, rule := range missing[:min(len(missing), maxTold)] {
		text := rbac.Text(rule)
		texts = append(texts, strings.ToValidUTF8(text[:min(len(text), maxText)], ""))
	}
	slices.Sort(texts)
	if more := len(missing) - maxTold; more > 0 {
		texts = append(texts, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(texts, "\n")
}

// tooWide is what is wrong with a gift one of whose rules cannot be compared.
func (g gift) tooWide(rule int, why string) *field.Error {
	if g.role != nil {
		return field.Invalid(field.NewPath("roleRef"), g.role.Name, fmt.Sprintf("rules[%d] of the role: %s", rule, why))
	}
	return field.Forbidden(field.NewPath("rules").Index(rule), why)
}

func (g gift) invalid(r Request, wrong ...*field.Error) error {
	return apierrors.NewInvalid(schema.GroupKind{Group: rbacv1.GroupName, Kind: g.kind}, r.Name, wrong)
}

// giftOf is what a write gives away, if it is about roles or bindings.
func giftOf(r Request, old, new any) (g gift, gives bool) {
	g.leave = r.Attributes
	g.leave.Verb = "escalate"
	switch new := new.(type) {
	case *rbacv1.Role:
		g.kind, g.rules = "Role", new.Rules
	case *rbacv1.ClusterRole:
		before, _ := old.(*rbacv1.ClusterRole)
		if before != nil && gathered(r, before, new) {
			return g, false
		}
		g.kind, g.rules, g.all = "ClusterRole", new.Rules, new.AggregationRule != nil || before != nil && before.AggregationRule != nil
	case *rbacv1.RoleBinding:
		return giftOfBinding(r, "RoleBinding", new.RoleRef), true
	case *rbacv1.ClusterRoleBinding:
		return giftOfBinding(r, "ClusterRoleBinding", new.RoleRef), true
	default:
		return g, false
	}
	return g, true
}

// giftOfBinding is the rules of the role that a binding of a kind names.
func giftOfBinding(r Request, kind string, role rbacv1.RoleRef) gift {
	resource := strings.ToLower(role.Kind) + "s"
	leave := rbac.Attributes{Verb: "bind", Group: rbacv1.GroupName, Resource: resource, Namespace: r.Namespace, Name: role.Name}
	return gift{kind: kind, role: &role, leave: leave}
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
