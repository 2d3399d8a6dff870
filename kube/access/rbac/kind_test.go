package rbac_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	. "kubelab/kube/access/rbac"
	"kubelab/kube/api"
)

func kindOf(t *testing.T, name string) api.Kind {
	t.Helper()
	for _, kind := range Kinds {
		if kind.Kind == name {
			return kind
		}
	}
	t.Fatalf("no kind %s", name)
	return api.Kind{}
}

func TestWhatIsWrongWithARoleOrABindingIsSaidInTheWordsOfEveryKubernetes(t *testing.T) {
	const group = rbacv1.GroupName
	rules := []rbacv1.PolicyRule{{}, {Verbs: []string{"get"}, NonResourceURLs: []string{"/a"}, Resources: []string{"pods"}}}
	ref := rbacv1.RoleRef{APIGroup: group, Kind: "ClusterRole", Name: "view"}
	for name, c := range map[string]struct {
		kind   string
		object api.Object
		want   []string
	}{
		"a role": {"Role", &rbacv1.Role{Rules: rules}, []string{
			`rules[0].verbs: Required value: verbs must contain at least one value`,
			`rules[0].apiGroups: Required value: resource rules must supply at least one api group`,
			`rules[0].resources: Required value: resource rules must supply at least one resource`,
			`rules[1].nonResourceURLs: Invalid value: ["/a"]: namespaced rules cannot apply to non-resource URLs`,
			`rules[1].nonResourceURLs: Invalid value: ["/a"]: rules cannot apply to both regular resources and non-resource URLs`,
		}},
		"a path of the cluster": {"ClusterRole", &rbacv1.ClusterRole{Rules: []rbacv1.PolicyRule{{Verbs: []string{"get"}, NonResourceURLs: []string{"/a"}}}}, nil},
		"an aggregation of nothing": {"ClusterRole", &rbacv1.ClusterRole{AggregationRule: &rbacv1.AggregationRule{}}, []string{
			`aggregationRule.clusterRoleSelectors: Required value: at least one clusterRoleSelector required if aggregationRule is non-nil`,
		}},
		"a reference to nothing": {"ClusterRoleBinding", &rbacv1.ClusterRoleBinding{RoleRef: rbacv1.RoleRef{Kind: "Role"}}, []string{
			`roleRef.apiGroup: Unsupported value: "": supported values: "rbac.authorization.k8s.io"`,
			`roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"`,
			`roleRef.name: Required value`,
		}},
		"subjects": {"ClusterRoleBinding", &rbacv1.ClusterRoleBinding{RoleRef: ref, Subjects: []rbacv1.Subject{
			{Kind: "ServiceAccount", Name: "a"}, {Kind: "ServiceAccount", APIGroup: group, Namespace: "b"}, {Kind: "User", Name: "ada"}, {Kind: "Robot", Name: "r"},
		}}, []string{
			`subjects[0].namespace: Required value`,
			`subjects[1].name: Required value`,
			`subjects[1].apiGroup: Unsupported value: "rbac.authorization.k8s.io": supported values: ""`,
			`subjects[2].apiGroup: Unsupported value: "": supported values: "rbac.authorization.k8s.io"`,
			`subjects[3].kind: Unsupported value: "Robot": supported values: "ServiceAccount", "User", "Group"`,
		}},
		"an account of the binding's namespace": {"RoleBinding", &rbacv1.RoleBinding{RoleRef: ref, Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Name: "a"}}}, nil},
	} {
		var got []string
		for _, err := range kindOf(t, c.kind).Validate(c.object) {
			got = append(got, err.Error())
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestABindingStaysWithItsRole(t *testing.T) {
	old := &rbacv1.RoleBinding{RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "a"}}
	new := old.DeepCopy()
	new.RoleRef.Name = "b"
	errs := kindOf(t, "RoleBinding").ValidateUpdate(new, old)
	if len(errs) != 1 || errs[0].Field != "roleRef" || errs[0].Detail != "cannot change roleRef" {
		t.Errorf("got %v", errs)
	}
	if errs := kindOf(t, "RoleBinding").ValidateUpdate(old, old); len(errs) > 0 {
		t.Errorf("the same: got %v", errs)
	}
}

func TestABindingShowsWhatItGivesAndToWhom(t *testing.T) {
	binding := &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Namespace: "shop"}, RoleRef: rbacv1.RoleRef{Kind: "ClusterRole", Name: "view"}, Subjects: []rbacv1.Subject{
		{Kind: "User", Name: "ada"}, {Kind: "User", Name: "bob"}, {Kind: "ServiceAccount", Name: "builder"}, {Kind: "ServiceAccount", Name: "a", Namespace: "bank"}}}
	kind := kindOf(t, "RoleBinding")
	kind.Default(binding)
	if role, user, account := binding.RoleRef.APIGroup, binding.Subjects[0].APIGroup, binding.Subjects[2].APIGroup; role != rbacv1.GroupName || user != rbacv1.GroupName || account != "" {
		t.Errorf("API groups of role, user, account: %q, %q, %q", role, user, account)
	}
	row := map[string]any{}
	for _, column := range kind.Columns {
		row[column.Name] = column.Value(binding)
	}
	want := map[string]any{"Role": "ClusterRole/view", "Age": "<unknown>", "Users": "ada, bob", "Groups": "", "ServiceAccounts": "shop/builder, bank/a"}
	if diff := cmp.Diff(want, row); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
