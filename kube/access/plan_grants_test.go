package access_test

import (
	"iter"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	. "kubelab/kube/access"
	"kubelab/kube/access/rbac"
	"kubelab/kube/api"
)

// written are ClusterRoles, which nobody is bound to.
type written []*rbacv1.ClusterRole

func (w written) Known(plural, _, name string) api.Object {
	for _, role := range w {
		if plural == "clusterroles" && role.Name == name {
			return role
		}
	}
	return nil
}

func (w written) Each(plural, _ string) iter.Seq[api.Object] {
	return func(yield func(api.Object) bool) {
		for _, role := range w {
			if plural == "clusterroles" && !yield(role) {
				return
			}
		}
	}
}

func TestTheLoopThatGathersRulesWritesWhatAnAggregationComesToAndNothingElse(t *testing.T) {
	part := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "part", Labels: map[string]string{"joins": "whole"}},
		Rules: []rbacv1.PolicyRule{{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"pods"}}}}
	whole := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "whole"}, AggregationRule: &rbacv1.AggregationRule{
		ClusterRoleSelectors: []metav1.LabelSelector{{MatchLabels: map[string]string{"joins": "whole"}}}}}
	wide := rbacv1.PolicyRule{Verbs: []string{"*"}, APIGroups: []string{"*"}, Resources: []string{"*"}}
	for what, c := range map[string]struct {
		of   *rbacv1.ClusterRole
		edit func(*rbacv1.ClusterRole)
		want bool
	}{
		"the rules that it selects": {whole, func(r *rbacv1.ClusterRole) { r.Rules = part.Rules }, true},
		"a rule more":               {whole, func(r *rbacv1.ClusterRole) { r.Rules = append(slices.Clone(part.Rules), wide) }, false},
		"a label beside":            {whole, func(r *rbacv1.ClusterRole) { r.Rules, r.Labels = part.Rules, map[string]string{"joins": "other"} }, false},
		"another selection": {whole, func(r *rbacv1.ClusterRole) {
			r.Rules, r.AggregationRule = nil, &rbacv1.AggregationRule{ClusterRoleSelectors: []metav1.LabelSelector{{MatchLabels: map[string]string{"a": "b"}}}}
		}, false},
		"a plain role": {part, func(r *rbacv1.ClusterRole) { r.Rules = []rbacv1.PolicyRule{wide} }, false},
		"a finalizer":  {part, func(r *rbacv1.ClusterRole) { r.Finalizers = []string{"a.example/b"} }, true},
	} {
		r := ask(userOf("controllers"), known, "update", rbacv1.GroupName, "clusterroles", "", c.of.Name)
		r.Roles = written{part, whole}
		changed := c.of.DeepCopy()
		c.edit(changed)
		if err := policy.Restrict(r, c.of, changed); (err == nil) != c.want {
			t.Errorf("%s: got %v, want allowed %t", what, err, c.want)
		}
	}
}

func TestWhoActsAsAnotherIsAskedForEachPartOfWhoThatIs(t *testing.T) {
	as := Impersonation{User: "system:serviceaccount:shop:builder", Groups: []string{"ops"}, UID: "7", Extra: map[string][]string{"scopes": {"a"}}}
	want := []rbac.Attributes{
		{Verb: "impersonate", Resource: "serviceaccounts", Namespace: "shop", Name: "builder"},
		{Verb: "impersonate", Resource: "groups", Name: "ops"},
		{Verb: "impersonate", Group: "authentication.k8s.io", Resource: "uids", Name: "7"},
		{Verb: "impersonate", Group: "authentication.k8s.io", Resource: "userextras", Subresource: "scopes", Name: "a"},
	}
	if diff := cmp.Diff(want, as.Asks()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for user, want := range map[string][]string{
		"system:serviceaccount:shop:builder": {"system:serviceaccounts", "system:serviceaccounts:shop", AuthenticatedGroup},
		"ada":                                {AuthenticatedGroup},
		AnonymousUser:                        {UnauthenticatedGroup},
	} {
		if diff := cmp.Diff(want, Impersonation{User: user}.AllGroups()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", user, diff)
		}
	}
}
