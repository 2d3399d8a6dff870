package rbac

import (
	"cmp"
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// Aggregate is the rules that a ClusterRole has by its aggregationRule: those of all ClusterRoles that it selects, by their names, each
// rule once. all are the ClusterRoles of the cluster, in any order.
func Aggregate(role *rbacv1.ClusterRole, all []*rbacv1.ClusterRole) []rbacv1.PolicyRule {
	rules := []rbacv1.PolicyRule{}
	if role.AggregationRule == nil {
		return rules
	}
	all = slices.SortedFunc(slices.Values(all), func(a, b *rbacv1.ClusterRole) int { return cmp.Compare(a.Name, b.Name) })
	for _, other := range all {
		if other.Name == role.Name || !Selects(role.AggregationRule, other.Labels) {
			continue
		}
		for _, rule := range other.Rules {
			same := func(known rbacv1.PolicyRule) bool { return apiequality.Semantic.DeepEqual(known, rule) }
			if !slices.ContainsFunc(rules, same) {
				rules = append(rules, rule)
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
