package access_test

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	. "kubelab/kube/access"
	"kubelab/kube/access/rbac"
	"kubelab/kube/api"
)

// written are ClusterRoles, which nobody is bound to.
type written []*rbacv1.ClusterRole

func (w written) Known(resource, _, name string) api.Object {
	for _, role := range w {
		if resource == "clusterroles.rbac.authorization.k8s.io" && role.Name == name {
			return role
		}
	}
	return nil
}

func (w written) Each(resource, _ string) iter.Seq[api.Object] {
	return func(yield func(api.Object) bool) {
		for _, role := range w {
			if resource == "clusterroles.rbac.authorization.k8s.io" && !yield(role) {
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

func TestAPartOfTheClusterGivesNoRightsThatItHoldsOnlyForMetadata(t *testing.T) {
	viewer := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "system:public-info-viewer", Annotations: map[string]string{rbacv1.AutoUpdateAnnotationKey: "true"}},
		Rules: []rbacv1.PolicyRule{{Verbs: []string{"get"}, NonResourceURLs: []string{"/version"}}}}
	for what, edit := range map[string]func(*rbacv1.ClusterRole){
		"all that it clears away": func(r *rbacv1.ClusterRole) {
			r.Rules = []rbacv1.PolicyRule{{Verbs: []string{"get", "list", "watch", "patch", "delete", "deletecollection"}, APIGroups: []string{"*"}, Resources: []string{"*"}}}
		},
		"nothing":                      func(r *rbacv1.ClusterRole) { r.Rules = nil },
		"a role that is left as it is": func(r *rbacv1.ClusterRole) { r.Annotations[rbacv1.AutoUpdateAnnotationKey] = "false" },
		"a role that joins another": func(r *rbacv1.ClusterRole) {
			r.Labels = map[string]string{"rbac.authorization.k8s.io/aggregate-to-view": "true"}
		},
		"what the whole cluster may read": func(r *rbacv1.ClusterRole) { r.Rules[0].NonResourceURLs = []string{"/api/*"} },
	} {
		r := ask(userOf("controllers"), known, "update", rbacv1.GroupName, "clusterroles", "", viewer.Name)
		r.Roles = written{viewer}
		changed := viewer.DeepCopy()
		edit(changed)
		if err := policy.Restrict(r, viewer, changed); err == nil {
			t.Errorf("%s: it was granted", what)
		}
	}
}

// numbered are as many values of one form.
func numbered(form string, count int) []string {
	all := make([]string, count)
	for i := range all {
		all[i] = fmt.Sprintf(form, i)
	}
	return all
}

func TestARoleIsRefusedThatIsTooWideToBeHeldAgainstWhatItsWriterHas(t *testing.T) {
	verbs := append(numbered("v%d", 400), "get") // all but escalate, with which nothing is compared
	all := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "all"}, Rules: []rbacv1.PolicyRule{
		{Verbs: verbs, APIGroups: []string{"*"}, Resources: []string{"*"}}, {Verbs: verbs, NonResourceURLs: []string{"*"}}}}
	resource := func(group, resource string, groups, resources int) rbacv1.PolicyRule {
		return rbacv1.PolicyRule{Verbs: []string{"get"}, APIGroups: numbered(group, groups), Resources: numbered(resource, resources)}
	}
	for what, rule := range map[string]rbacv1.PolicyRule{
		"groups by resources": resource("g%d", "r%d", 400, 400),
		"resources by names":  {Verbs: []string{"get"}, APIGroups: []string{""}, Resources: numbered("r%d", 400), ResourceNames: numbered("n%d", 400)},
		"verbs by resources":  {Verbs: verbs, APIGroups: []string{""}, Resources: numbered("r%d", 400)},
		"verbs by paths":      {Verbs: verbs, NonResourceURLs: numbered("/%d", 400)},
		"a value without end": resource(strings.Repeat("g", 2000)+"%d", "r%d", 1, 1),
	} {
		r := ask("ada", known, "create", rbacv1.GroupName, "roles", "shop", "")
		r.Roles = givenTo{written{all}, "ada"}
		err := policy.Restrict(r, nil, &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: "wide", Namespace: "shop"}, Rules: []rbacv1.PolicyRule{rule}})
		if !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), "rules[0]") {
			t.Errorf("%s: got %v, want Invalid at rules[0]", what, err)
		}
		wide := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "wide"}, Rules: []rbacv1.PolicyRule{rule}}
		r.Resource, r.Roles = "rolebindings", givenTo{written{all, wide}, "ada"}
		err = policy.Restrict(r, nil, &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "b", Namespace: "shop"}, RoleRef: clusterRole("wide")})
		if !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), "roleRef") {
			t.Errorf("a binding to %s: got %v, want Invalid at roleRef", what, err)
		}
	}
	r := ask("ada", known, "create", rbacv1.GroupName, "roles", "shop", "")
	r.Roles = givenTo{written{all}, "ada"}
	if err := policy.Restrict(r, nil, &rbacv1.Role{Rules: []rbacv1.PolicyRule{resource("g%d", "r%d", 100, 100)}}); err != nil {
		t.Errorf("ten thousand parts: got %v", err)
	}
}

func TestWhatIsLackingIsToldInAsManyLinesAsAPersonReads(t *testing.T) {
	r := ask("ada", known, "create", rbacv1.GroupName, "roles", "shop", "")
	r.Roles = written{}
	rule := rbacv1.PolicyRule{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: numbered("r%d", 2000)}
	err := policy.Restrict(r, nil, &rbacv1.Role{Rules: []rbacv1.PolicyRule{rule}})
	if err == nil || len(err.Error()) > 10_000 || !strings.HasSuffix(err.Error(), "and 1980 more") {
		t.Errorf("got %v", err)
	}
}

func TestWhoBindsAnAggregatedRoleHasAllThatItIsToGather(t *testing.T) {
	secrets := []rbacv1.PolicyRule{{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"secrets"}}}
	gathers := func(name, label string, joins map[string]string) *rbacv1.ClusterRole {
		return &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: joins}, AggregationRule: &rbacv1.AggregationRule{
			ClusterRoleSelectors: []metav1.LabelSelector{{MatchLabels: map[string]string{"joins": label}}}}}
	}
	roles := written{
		gathers("outer", "outer", nil), gathers("inner", "inner", map[string]string{"joins": "outer"}), gathers("empty", "none", nil), gathers("itself", "itself", map[string]string{"joins": "itself"}),
		{ObjectMeta: metav1.ObjectMeta{Name: "part", Labels: map[string]string{"joins": "inner"}}, Rules: secrets},
	}
	for name, want := range map[string]bool{"outer": false, "inner": false, "empty": true, "itself": true} {
		r := ask("ada", known, "create", rbacv1.GroupName, "rolebindings", "shop", "")
		r.Roles = roles
		err := policy.Restrict(r, nil, &rbacv1.RoleBinding{RoleRef: clusterRole(name)})
		if (err == nil) != want {
			t.Errorf("%s: got %v, want allowed %t", name, err, want)
		}
	}
}

func clusterRole(name string) rbacv1.RoleRef {
	return rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name}
}

// givenTo are ClusterRoles, of which a user has the first.
type givenTo struct {
	written
	user string
}

func (g givenTo) Each(resource, namespace string) iter.Seq[api.Object] {
	if resource != "clusterrolebindings.rbac.authorization.k8s.io" {
		return g.written.Each(resource, namespace)
	}
	return func(yield func(api.Object) bool) {
		yield(&rbacv1.ClusterRoleBinding{RoleRef: clusterRole(g.written[0].Name), Subjects: []rbacv1.Subject{{Kind: "User", Name: g.user}}})
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
