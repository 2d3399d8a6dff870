package rbac_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	. "kubelab/kube/access/rbac"
)

func readsPods() []rbacv1.PolicyRule {
	return []rbacv1.PolicyRule{{Verbs: []string{"get", "list"}, APIGroups: []string{""}, Resources: []string{"pods"}}}
}

func TestWhatAGrantAllowsIsSaidWithTheBindingTheRoleAndTheSubject(t *testing.T) {
	account := rbacv1.Subject{Kind: "ServiceAccount", Name: "builder"}
	in := Grant{Binding: "RoleBinding", Namespace: "shop", Name: "builds", Role: rbacv1.RoleRef{Kind: "Role", Name: "reader"}, To: account, Rules: readsPods()}
	everywhere := Grant{Binding: "ClusterRoleBinding", Name: "all", Role: rbacv1.RoleRef{Kind: "ClusterRole", Name: "view"}, To: rbacv1.Subject{Kind: "Group", Name: "ops"}, Rules: readsPods()}
	lost := Grant{Binding: "ClusterRoleBinding", Name: "old", Role: rbacv1.RoleRef{Kind: "ClusterRole", Name: "gone"}, Missing: true}
	list := Attributes{Verb: "list", Resource: "pods", Namespace: "shop"}
	for name, c := range map[string]struct {
		grants []Grant
		asked  Attributes
		want   bool
		reason string
	}{
		"in a namespace":       {[]Grant{lost, in}, list, true, `RBAC: allowed by RoleBinding "builds/shop" of Role "reader" to ServiceAccount "builder/shop"`},
		"everywhere":           {[]Grant{everywhere, in}, list, true, `RBAC: allowed by ClusterRoleBinding "all" of ClusterRole "view" to Group "ops"`},
		"nothing is given":     {nil, list, false, ""},
		"something else":       {[]Grant{in}, Attributes{Verb: "delete", Resource: "pods", Namespace: "shop"}, false, ""},
		"a role that is gone":  {[]Grant{lost}, list, false, `RBAC: clusterrole.rbac.authorization.k8s.io "gone" not found`},
		"it is gone for twice": {[]Grant{lost, lost}, list, false, `RBAC: clusterrole.rbac.authorization.k8s.io "gone" not found`},
	} {
		if allowed, reason := Decide(c.grants, c.asked); allowed != c.want || reason != c.reason {
			t.Errorf("%s: %t, %s\nwant %t, %s", name, allowed, reason, c.want, c.reason)
		}
	}
}

func TestASubjectIsWhoAsksOnlyUnderTheNameThatItProves(t *testing.T) {
	const builder = "system:serviceaccount:shop:builder"
	groups := []string{"system:serviceaccounts", "system:serviceaccounts:shop", "system:authenticated"}
	for name, c := range map[string]struct {
		subject rbacv1.Subject
		in      string // the binding's namespace
		want    bool
	}{
		"an account":                               {rbacv1.Subject{Kind: "ServiceAccount", Name: "builder", Namespace: "shop"}, "bank", true},
		"an account of the binding's namespace":    {rbacv1.Subject{Kind: "ServiceAccount", Name: "builder"}, "shop", true},
		"one of that name in another namespace":    {rbacv1.Subject{Kind: "ServiceAccount", Name: "builder", Namespace: "bank"}, "shop", false},
		"one without a namespace, in no namespace": {rbacv1.Subject{Kind: "ServiceAccount", Name: "builder"}, "", false},
		"one whose name holds its namespace":       {rbacv1.Subject{Kind: "ServiceAccount", Name: "shop:builder"}, "", false},
		"its user name":                            {rbacv1.Subject{Kind: "User", Name: builder}, "", true},
		"all accounts of its namespace":            {rbacv1.Subject{Kind: "Group", Name: "system:serviceaccounts:shop"}, "", true},
		"all accounts of another":                  {rbacv1.Subject{Kind: "Group", Name: "system:serviceaccounts:bank"}, "", false},
		"a user of a group's name":                 {rbacv1.Subject{Kind: "User", Name: "system:authenticated"}, "", false},
		"a group of the user's name":               {rbacv1.Subject{Kind: "Group", Name: builder}, "", false},
		"a kind that is none":                      {rbacv1.Subject{Kind: "user", Name: builder}, "", false},
	} {
		if _, is := SubjectOf([]rbacv1.Subject{c.subject}, c.in, builder, groups); is != c.want {
			t.Errorf("%s: %t, want %t", name, is, c.want)
		}
	}
}

func TestOneGivesWhatOneHas(t *testing.T) {
	rule := func(verbs, groups, resources, names []string) rbacv1.PolicyRule {
		return rbacv1.PolicyRule{Verbs: verbs, APIGroups: groups, Resources: resources, ResourceNames: names}
	}
	urls := func(urls ...string) rbacv1.PolicyRule {
		return rbacv1.PolicyRule{Verbs: []string{"get"}, NonResourceURLs: urls}
	}
	core, star, get := []string{""}, []string{"*"}, []string{"get"}
	pods := []string{"pods"}
	for name, c := range map[string]struct {
		held, wanted rbacv1.PolicyRule
		missing      []string
	}{
		"the same":                          {rule(get, core, pods, nil), rule(get, core, pods, nil), nil},
		"a verb more":                       {rule(get, core, pods, nil), rule([]string{"get", "list", "watch"}, core, pods, nil), []string{`{APIGroups:[""], Resources:["pods"], Verbs:["list" "watch"]}`}},
		"all verbs, who has some":           {rule(get, core, pods, nil), rule(star, core, pods, nil), []string{`{APIGroups:[""], Resources:["pods"], Verbs:["*"]}`}},
		"all, who has all":                  {rule(star, star, star, nil), rule(star, star, star, nil), nil},
		"something, who has all":            {rule(star, star, star, nil), rule(get, core, []string{"pods/log"}, nil), nil},
		"all groups, who has one":           {rule(get, core, pods, nil), rule(get, star, pods, nil), []string{`{APIGroups:["*"], Resources:["pods"], Verbs:["get"]}`}},
		"a subresource":                     {rule(get, core, pods, nil), rule(get, core, []string{"pods/log"}, nil), []string{`{APIGroups:[""], Resources:["pods/log"], Verbs:["get"]}`}},
		"one name, who has all":             {rule(get, core, pods, nil), rule(get, core, pods, []string{"web"}), nil},
		"all names, who has one":            {rule(get, core, pods, []string{"web"}), rule(get, core, pods, nil), []string{`{APIGroups:[""], Resources:["pods"], Verbs:["get"]}`}},
		"all names, who has the empty one":  {rule(get, core, pods, []string{""}), rule(get, core, pods, nil), []string{`{APIGroups:[""], Resources:["pods"], Verbs:["get"]}`}},
		"another name":                      {rule(get, core, pods, []string{"web"}), rule(get, core, pods, []string{"web", "db"}), []string{`{APIGroups:[""], Resources:["pods"], ResourceNames:["db"], Verbs:["get"]}`}},
		"a path below":                      {urls("/api/*"), urls("/api/v1"), nil},
		"all paths, who has some":           {urls("/api/*"), urls("*"), []string{`{NonResourceURLs:["*"], Verbs:["get"]}`}},
		"the empty path, who has resources": {rule(star, star, star, nil), urls(""), []string{`{NonResourceURLs:[""], Verbs:["get"]}`}},
		"the empty resource, who has paths": {urls("*"), rule(get, core, core, nil), []string{`{APIGroups:[""], Resources:[""], Verbs:["get"]}`}},
		"paths, who has resources":          {rule(star, star, star, nil), urls("/metrics"), []string{`{NonResourceURLs:["/metrics"], Verbs:["get"]}`}},
	} {
		var got []string
		for _, missing := range Missing([]rbacv1.PolicyRule{c.held}, []rbacv1.PolicyRule{c.wanted}) {
			got = append(got, Text(missing))
		}
		if diff := cmp.Diff(c.missing, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestAnAggregatedRoleIsWhatTheRolesThatItSelectsAreTogether(t *testing.T) {
	role := func(name, label string, resources ...string) *rbacv1.ClusterRole {
		r := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"joins": label}}}
		for _, resource := range resources {
			r.Rules = append(r.Rules, rbacv1.PolicyRule{Verbs: []string{"get"}, Resources: []string{resource}})
		}
		return r
	}
	all := role("all", "all", "stale")
	all.AggregationRule = &rbacv1.AggregationRule{ClusterRoleSelectors: []metav1.LabelSelector{
		{MatchLabels: map[string]string{"joins": "all"}}, {MatchLabels: map[string]string{"joins": "some"}}}}
	var got []string
	for _, rule := range Aggregate(all, []*rbacv1.ClusterRole{role("b", "some", "pods", "nodes"), all, role("a", "all", "pods", "secrets"), role("c", "none", "leases")}) {
		got = append(got, rule.Resources...)
	}
	if diff := cmp.Diff([]string{"pods", "secrets", "nodes"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTheLoopFindsTheRolesOfEveryClusterAsItWouldMakeThem(t *testing.T) {
	for _, role := range DefaultRoles() {
		if role.AggregationRule == nil {
			continue
		}
		if diff := cmp.Diff(Aggregate(role, DefaultRoles()), role.Rules); diff != "" || len(role.Rules) == 0 {
			t.Errorf("%s has %d rules (-gathered +made):\n%s", role.Name, len(role.Rules), diff)
		}
	}
}

func TestARoleOfEveryClusterGetsBackWhatItLacksAndKeepsWhatWasAdded(t *testing.T) {
	wanted := DefaultRoles()[2] // system:basic-user
	if got := ReconcileRole(wanted, wanted); got != nil {
		t.Errorf("nothing was changed: got %v", got)
	}
	have := wanted.DeepCopy()
	have.Rules = append(have.Rules[1:], readsPods()...)
	have.Labels = map[string]string{"team": "a"}
	got := ReconcileRole(wanted, have)
	if got == nil || len(Missing(got.Rules, append(wanted.Rules, readsPods()...))) > 0 || got.Labels["team"] != "a" || len(got.Labels) != 2 {
		t.Errorf("got %v", got)
	}
	have.Annotations = map[string]string{rbacv1.AutoUpdateAnnotationKey: "false"}
	if got := ReconcileRole(wanted, have); got != nil {
		t.Errorf("it was not to be kept up to date: got %v", got)
	}
	binding := DefaultBindings()[3]
	other := binding.DeepCopy()
	other.RoleRef.Name = "view"
	if Replaces(binding, binding) || !Replaces(binding, other) {
		t.Error("a binding is to be made anew where it names another role, and only there")
	}
	other.Annotations = map[string]string{rbacv1.AutoUpdateAnnotationKey: "false"}
	if Replaces(binding, other) {
		t.Error("a binding is to be made anew that was to stay as it is")
	}
	fewer := binding.DeepCopy()
	fewer.Subjects = fewer.Subjects[:1]
	if got := ReconcileBinding(binding, fewer); got == nil || len(got.Subjects) != 2 {
		t.Errorf("a subject is missing: got %v", got)
	}
}

func TestWhoMayEditGivesNoRightsAndWhoMayViewSeesNoSecret(t *testing.T) {
	rules := map[string][]rbacv1.PolicyRule{}
	all := DefaultRoles() // their rules are gathered from the start
	for _, role := range all {
		rules[role.Name] = role.Rules
	}
	for _, c := range []struct {
		verb, group, resource string
		roles                 []string
	}{
		{"list", "", "pods", []string{"admin", "edit", "view"}},
		{"get", "", "namespaces", []string{"admin", "edit", "view"}},
		{"get", "", "secrets", []string{"admin", "edit"}},
		{"patch", "apps", "deployments", []string{"admin", "edit"}},
		{"create", rbacv1.GroupName, "rolebindings", []string{"admin"}},
		{"escalate", rbacv1.GroupName, "roles", nil},
		{"bind", rbacv1.GroupName, "clusterroles", nil},
		{"create", rbacv1.GroupName, "clusterroles", nil},
		{"delete", "", "namespaces", nil},
		{"list", "", "nodes", nil},
		{"impersonate", "", "users", nil},
	} {
		var got []string
		for _, name := range []string{"admin", "edit", "view"} {
			if Allow(rules[name], Attributes{Verb: c.verb, Group: c.group, Resource: c.resource}) {
				got = append(got, name)
			}
		}
		if diff := cmp.Diff(c.roles, got); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", c.verb, c.resource, diff)
		}
	}
}
