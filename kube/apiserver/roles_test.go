package apiserver_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"kubelab/kube/access"
	"kubelab/kube/access/rbac"
	"kubelab/kube/api"
	"kubelab/kube/apiserver/apiservertest"
	"kubelab/kube/cluster"
	"kubelab/kube/operator"
)

// startWithRoles is start with the kinds by which users say who may do what.
func startWithRoles(t *testing.T) *apiservertest.Cluster {
	t.Helper()
	return apiservertest.StartFor(t, apiservertest.Policy(t, cluster.Declared...), append(slices.Clone(kinds), rbac.Kinds...)...)
}

func subject(kind, name, namespace string) []rbacv1.Subject {
	return []rbacv1.Subject{{Kind: kind, Name: name, Namespace: namespace}}
}

// bind lets subjects have a role in the namespace default.
func bind(t *testing.T, person *operator.Client, name, kind, role string, subjects []rbacv1.Subject) error {
	t.Helper()
	_, err := person.RbacV1().RoleBindings("default").Create(t.Context(), &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Name: name},
		RoleRef: rbacv1.RoleRef{Kind: kind, Name: role}, Subjects: subjects}, metav1.CreateOptions{})
	return err
}

// makeRole makes a role in the namespace default.
func makeRole(t *testing.T, person *operator.Client, name string, verbs []string, group string, resources ...string) error {
	t.Helper()
	_, err := person.RbacV1().Roles("default").Create(t.Context(), &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: name},
		Rules: []rbacv1.PolicyRule{{Verbs: verbs, APIGroups: []string{group}, Resources: resources}}}, metav1.CreateOptions{})
	return err
}

func TestARoleBindingLetsItsSubjectsDoWhatTheRoleSaysInItsNamespaceUntilItIsDeleted(t *testing.T) {
	cluster := startWithRoles(t)
	person, ada := cluster.Admin(), cluster.Client("test", access.Client("ada", "readers"))
	list := func(namespace string) error {
		_, err := ada.CoreV1().ConfigMaps(namespace).List(t.Context(), metav1.ListOptions{})
		return err
	}
	want := `configmaps is forbidden: User "ada" cannot list resource "configmaps" in API group "" in the namespace "default"`
	if err := list("default"); !apierrors.IsForbidden(err) || err.Error() != want {
		t.Errorf("before: got %v\nwant %s", err, want)
	}
	must(t, makeRole(t, person, "reader", []string{"list"}, "", "configmaps"))
	must(t, bind(t, person, "readers", "Role", "reader", subject("Group", "readers", "")))
	waitFor(t, "ada to be let in", func() bool { return list("default") == nil })
	for _, elsewhere := range []string{"kube-system", ""} {
		if err := list(elsewhere); !apierrors.IsForbidden(err) {
			t.Errorf("in %q: got %v, want Forbidden", elsewhere, err)
		}
	}
	must(t, person.RbacV1().RoleBindings("default").Delete(t.Context(), "readers", metav1.DeleteOptions{}))
	waitFor(t, "ada to be kept out", func() bool { return apierrors.IsForbidden(list("default")) })
}

func TestWhoMayWriteRolesAndBindingsCannotLiftThemselvesUp(t *testing.T) {
	cluster := startWithRoles(t)
	person, ada := cluster.Admin(), cluster.Client("test", access.Client("ada"))
	must(t, makeRole(t, person, "officer", []string{"get", "create", "update", "patch"}, rbacv1.GroupName, "roles", "rolebindings"))
	must(t, bind(t, person, "officers", "Role", "officer", subject("User", "ada", "")))
	waitFor(t, "ada to be let in", func() bool {
		_, err := ada.RbacV1().Roles("default").Get(t.Context(), "officer", metav1.GetOptions{})
		return err == nil
	})
	const lacks = "is attempting to grant RBAC permissions not currently held:\n"
	refused := func(what string, err error, want string) {
		t.Helper()
		if !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want Forbidden with %q", what, err, want)
		}
	}
	refused("a role of what ada lacks", makeRole(t, ada, "spy", []string{"get"}, "", "secrets"), lacks+`{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}`)
	refused("her own role, widened", func() error {
		_, err := ada.RbacV1().Roles("default").Patch(t.Context(), "officer", types.JSONPatchType, []byte(`[{"op":"add","path":"/rules/0/verbs/-","value":"escalate"}]`), metav1.PatchOptions{})
		return err
	}(), lacks)
	refused("a binding to what ada lacks", bind(t, ada, "up", "ClusterRole", "cluster-admin", subject("User", "ada", "")), lacks)
	refused("a binding for another", bind(t, ada, "up", "ClusterRole", "cluster-admin", subject("ServiceAccount", "default", "default")), lacks)
	if err := bind(t, ada, "up", "ClusterRole", "none", subject("User", "ada", "")); !apierrors.IsNotFound(err) {
		t.Errorf("a role that is yet to come: got %v, want NotFound", err)
	}
	if err := bind(t, ada, "up", "Robot", "none", subject("User", "ada", "")); !apierrors.IsInvalid(err) {
		t.Errorf("a role of no kind: got %v, want Invalid", err)
	}
	must(t, makeRole(t, ada, "deputy", []string{"get"}, rbacv1.GroupName, "roles"))
	must(t, bind(t, ada, "deputies", "Role", "officer", subject("User", "bob", "")))

	must(t, makeRole(t, person, "giver", []string{"bind"}, rbacv1.GroupName, "clusterroles"))
	must(t, bind(t, person, "givers", "Role", "giver", subject("User", "ada", "")))
	waitFor(t, "who may bind to bind what she lacks", func() bool {
		return bind(t, ada, "up", "ClusterRole", "system:aggregate-to-view", subject("User", "ada", "")) == nil
	})
}

func TestOnlyWhoMayDoEverythingHasARoleGatherRules(t *testing.T) {
	cluster := startWithRoles(t)
	person, ada := cluster.Admin(), cluster.Client("test", access.Client("ada"))
	_, err := person.RbacV1().ClusterRoles().Create(t.Context(), &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "author"},
		Rules: []rbacv1.PolicyRule{{Verbs: []string{"create", "get"}, APIGroups: []string{rbacv1.GroupName}, Resources: []string{"clusterroles"}}}}, metav1.CreateOptions{})
	must(t, err)
	_, err = person.RbacV1().ClusterRoleBindings().Create(t.Context(), &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "authors"},
		RoleRef: rbacv1.RoleRef{Kind: "ClusterRole", Name: "author"}, Subjects: subject("User", "ada", "")}, metav1.CreateOptions{})
	must(t, err)
	gather := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "all"}, AggregationRule: &rbacv1.AggregationRule{ClusterRoleSelectors: []metav1.LabelSelector{{}}}}
	waitFor(t, "ada to be let in", func() bool {
		_, err = ada.RbacV1().ClusterRoles().Get(t.Context(), "author", metav1.GetOptions{})
		return err == nil
	})
	if _, err := ada.RbacV1().ClusterRoles().Create(t.Context(), gather, metav1.CreateOptions{}); err == nil || !strings.Contains(err.Error(), "must have cluster-admin privileges to use an aggregationRule") {
		t.Errorf("got %v", err)
	}
	_, err = person.RbacV1().ClusterRoles().Create(t.Context(), gather, metav1.CreateOptions{})
	must(t, err)
}

func TestNoBindingGivesAPartOfTheClusterMore(t *testing.T) {
	cluster := startWithRoles(t)
	person := cluster.Admin()
	kubelet, scheduler := cluster.Client("kubelet", access.NodeClient("node-1")), cluster.As(declared("scheduler"), "")
	_, err := person.RbacV1().ClusterRoleBindings().Create(t.Context(), &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "oops"},
		RoleRef: rbacv1.RoleRef{Kind: "ClusterRole", Name: "cluster-admin"}, Subjects: append(subject("Group", access.AuthenticatedGroup, ""), subject("Group", access.NodesGroup, "")...)}, metav1.CreateOptions{})
	must(t, err)
	ada := cluster.Client("test", access.Client("ada"))
	secrets := func(client *operator.Client) error {
		_, err := client.CoreV1().Secrets("").List(context.Background(), metav1.ListOptions{})
		return err
	}
	waitFor(t, "ada to be let in", func() bool { return secrets(ada) == nil })
	for name, part := range map[string]*operator.Client{"a kubelet": kubelet, "the scheduler": scheduler} {
		if err := secrets(part); !apierrors.IsForbidden(err) {
			t.Errorf("%s: got %v, want Forbidden", name, err)
		}
	}
}

func TestAReviewAnswersWhatTheRequestWouldBeTold(t *testing.T) {
	cluster := startWithRoles(t)
	person := cluster.Admin()
	must(t, makeRole(t, person, "reader", []string{"list"}, "", "configmaps"))
	must(t, bind(t, person, "readers", "Role", "reader", subject("ServiceAccount", "builder", "default")))
	const builder = "system:serviceaccount:default:builder"
	what := &authorizationv1.ResourceAttributes{Verb: "list", Resource: "configmaps", Namespace: "default"}
	ask := func() authorizationv1.SubjectAccessReviewStatus {
		review, err := person.AuthorizationV1().SubjectAccessReviews().Create(t.Context(), &authorizationv1.SubjectAccessReview{
			Spec: authorizationv1.SubjectAccessReviewSpec{User: builder, ResourceAttributes: what}}, metav1.CreateOptions{})
		must(t, err)
		return review.Status
	}
	waitFor(t, "the account to be let in", func() bool { return ask().Allowed })
	if got, want := ask().Reason, `RBAC: allowed by RoleBinding "readers/default" of Role "reader" to ServiceAccount "builder/default"`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	local := &authorizationv1.LocalSubjectAccessReview{ObjectMeta: metav1.ObjectMeta{Namespace: "default"}, Spec: authorizationv1.SubjectAccessReviewSpec{User: builder, ResourceAttributes: what}}
	is, err := person.AuthorizationV1().LocalSubjectAccessReviews("default").Create(t.Context(), local, metav1.CreateOptions{})
	if err != nil || !is.Status.Allowed {
		t.Errorf("of its namespace: %v, %v", is.Status, err)
	}
	if _, err := person.AuthorizationV1().LocalSubjectAccessReviews("kube-system").Create(t.Context(), local, metav1.CreateOptions{}); err == nil {
		t.Error("of another namespace than the review's: want an error")
	}
	if _, err := person.AuthorizationV1().SubjectAccessReviews().Create(t.Context(), &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{ResourceAttributes: what}}, metav1.CreateOptions{}); !apierrors.IsInvalid(err) {
		t.Errorf("of nobody: got %v, want Invalid", err)
	}
}

func TestTheRolesOfEveryClusterAreThereWhenTheServerIsReadyAndComeBackWithTheNextOne(t *testing.T) {
	cluster := startWithRoles(t)
	person := cluster.Admin()
	basic, err := person.RbacV1().ClusterRoles().Get(t.Context(), "system:basic-user", metav1.GetOptions{})
	must(t, err)
	basic.Rules = basic.Rules[:1]
	_, err = person.RbacV1().ClusterRoles().Update(t.Context(), basic, metav1.UpdateOptions{})
	must(t, err)
	must(t, person.RbacV1().ClusterRoleBindings().Delete(t.Context(), "system:discovery", metav1.DeleteOptions{}))
	moved := &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "system:discovery"}, RoleRef: rbacv1.RoleRef{Kind: "ClusterRole", Name: "view"}, Subjects: subject("User", "ada", "")}
	_, err = person.RbacV1().ClusterRoleBindings().Create(t.Context(), moved, metav1.CreateOptions{})
	must(t, err)
	cluster.Restart()
	basic, err = person.RbacV1().ClusterRoles().Get(t.Context(), "system:basic-user", metav1.GetOptions{})
	if err != nil || len(basic.Rules) != 2 {
		t.Errorf("got %v, %v", basic, err)
	}
	binding, err := person.RbacV1().ClusterRoleBindings().Get(t.Context(), "system:discovery", metav1.GetOptions{})
	if err != nil || binding.RoleRef.Name != "system:discovery" || len(binding.Subjects) != 1 || binding.Subjects[0].Name != access.AuthenticatedGroup {
		t.Errorf("a binding that named another role: got %v, %v", binding, err)
	}
}

func TestARoleIsFoundBesideAKindOfAnotherGroupWhoseObjectsHaveItsNames(t *testing.T) {
	other := api.Type[*appsv1.ControllerRevision]{Names: api.Names{Plural: "clusterroles"}}.Kind()
	cluster := apiservertest.StartFor(t, apiservertest.Policy(t, cluster.Declared...), slices.Concat([]api.Kind{other}, kinds, rbac.Kinds)...)
	person, ada := cluster.Admin(), cluster.Client("test", access.Client("ada"))
	must(t, person.AppsV1().RESTClient().Post().Resource("clusterroles").Body(&appsv1.ControllerRevision{ObjectMeta: metav1.ObjectMeta{Name: "view"}}).Do(t.Context()).Error())
	must(t, bind(t, person, "viewers", "ClusterRole", "view", subject("User", "ada", "")))
	waitFor(t, "ada to see", func() bool {
		_, err := ada.CoreV1().ConfigMaps("default").List(t.Context(), metav1.ListOptions{})
		return err == nil
	})
}

func TestWhoHasARoleInANamespaceSeesThatNamespace(t *testing.T) {
	cluster := startWithRoles(t)
	person, ada := cluster.Admin(), cluster.Client("test", access.Client("ada"))
	must(t, bind(t, person, "viewers", "ClusterRole", "system:aggregate-to-view", subject("User", "ada", "")))
	get := func(name string) (*corev1.Namespace, error) {
		return ada.CoreV1().Namespaces().Get(t.Context(), name, metav1.GetOptions{})
	}
	waitFor(t, "ada to see the namespace", func() bool {
		_, err := get("default")
		return err == nil
	})
	if _, err := get("kube-system"); !apierrors.IsForbidden(err) {
		t.Errorf("another namespace: got %v, want Forbidden", err)
	}
}

func TestOneActsAsAnotherOnlyIfOneMayAndIsThenNoMoreThanTheOther(t *testing.T) {
	cluster := startWithRoles(t)
	person, ada := cluster.Admin(), cluster.Client("test", access.Client("ada"))
	as := func(client *operator.Client, who rest.ImpersonationConfig) error {
		config := rest.CopyConfig(client.Config)
		config.Impersonate = who
		other, err := kubernetes.NewForConfig(config)
		must(t, err)
		_, err = other.CoreV1().ConfigMaps("default").List(t.Context(), metav1.ListOptions{})
		return err
	}
	bob, builder := rest.ImpersonationConfig{UserName: "bob"}, rest.ImpersonationConfig{UserName: "system:serviceaccount:default:builder"}
	want := `users "bob" is forbidden: User "ada" cannot impersonate resource "users" in API group "" at the cluster scope`
	if err := as(ada, bob); err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	want = `configmaps is forbidden: User "bob" cannot list resource "configmaps" in API group "" in the namespace "default"`
	if err := as(person, bob); err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	want = `configmaps is forbidden: User "system:anonymous" cannot list resource "configmaps" in API group "" in the namespace "default"`
	if err := as(person, rest.ImpersonationConfig{UserName: access.AnonymousUser}); err == nil || err.Error() != want {
		t.Errorf("as a guest: got  %v\nwant %s", err, want)
	}
	must(t, makeRole(t, person, "double", []string{"impersonate"}, "", "serviceaccounts"))
	must(t, bind(t, person, "doubles", "Role", "double", subject("User", "ada", "")))
	must(t, makeRole(t, person, "reader", []string{"list"}, "", "configmaps"))
	must(t, bind(t, person, "readers", "Role", "reader", subject("Group", "system:serviceaccounts:default", "")))
	waitFor(t, "ada to act as the account", func() bool { return as(ada, builder) == nil })
	builder.Groups = []string{access.MastersGroup}
	if err := as(ada, builder); !apierrors.IsForbidden(err) {
		t.Errorf("with a group that ada may not join: got %v, want Forbidden", err)
	}
	if err := as(person, rest.ImpersonationConfig{Groups: []string{"a"}, UserName: "system:node:node-1"}); !apierrors.IsForbidden(err) {
		t.Errorf("a node that is in no group of nodes: got %v, want Forbidden", err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
