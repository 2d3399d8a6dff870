package rbac

import (
	"cmp"
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// Aggregate is the rules that a ClusterRole has by its aggregationRule: those of all ClusterRoles that it selects, by their names, each
// rule once. all are the ClusterRoles of the cluster, in any order.
func Aggregate(role *rbacv1.ClusterRole, all []*rbacv1.ClusterRole) []rbacv1.PolicyRule {
	rules, known := []rbacv1.PolicyRule{}, map[string]bool{}
	if role.AggregationRule == nil {
		return rules
	}
	all = slices.SortedFunc(slices.Values(all), func(a, b *rbacv1.ClusterRole) int { return cmp.Compare(a.Name, b.Name) })
	for _, other := range all {
		if other.Name == role.Name || !Selects(role.AggregationRule, other.Labels) {
			continue
		}
		for _, rule := range other.Rules {
			if text := Text(rule); !known[text] {
				known[text], rules = true, append(rules, rule)
			}
		}
	}
	return rules
}

// Reach is the rules that a ClusterRole has, and those that it will have once the loop has been at work: those of the roles that it selects, of
// those that these select, and so on. A rule may be in it twice.
func Reach(role *rbacv1.ClusterRole, all []*rbacv1.ClusterRole) []rbacv1.PolicyRule {
	rules := slices.Clone(role.Rules)
	reached := map[string]bool{role.Name: true}
	for next := []*rbacv1.ClusterRole{role}; len(next) > 0; next = next[1:] {
		if next[0].AggregationRule == nil {
			continue
		}
		for _, other := range all {
			if !reached[other.Name] && Selects(next[0].AggregationRule, other.Labels) {
				reached[other.Name] = true
				rules, next = append(rules, other.Rules...), append(next, other)
			}
		}
	}
	return rules
}

// Selects says whether one of the selectors of an aggregationRule fits a role's labels.
func Selects(rule *rbacv1.AggregationRule, of map[string]string) bool {
	return slices.ContainsFunc(rule.ClusterRoleSelectors, func(s metav1.LabelSelector) bool {
		selector, err := metav1.LabelSelectorAsSelector(&s)
		return err == nil && selector.Matches(labels.Set(of))
	})
}
