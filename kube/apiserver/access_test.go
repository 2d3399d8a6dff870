package apiserver_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"kubelab/kube/access"
)

func TestAPersonCanAskWhoTheyAreAndWhatTheyMay(t *testing.T) {
	cluster := start(t)
	for _, c := range []struct {
		who  access.Certificate
		verb string
		want bool
	}{
		{access.Admin(), "delete", true},
		{access.Client("ada", "readers"), "get", false},
		{access.ComponentOn("", declared("scheduler")), "get", true},
		{access.ComponentOn("", declared("scheduler")), "deletecollection", false},
	} {
		client := cluster.Client("test", c.who)
		me, err := client.AuthenticationV1().SelfSubjectReviews().Create(t.Context(), &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		want := authenticationv1.UserInfo{Username: c.who.User, Groups: append([]string{access.AuthenticatedGroup}, c.who.Groups...)}
		if diff := cmp.Diff(want, me.Status.UserInfo); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		may, err := client.AuthorizationV1().SelfSubjectAccessReviews().Create(t.Context(), &authorizationv1.SelfSubjectAccessReview{
			Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &authorizationv1.ResourceAttributes{Verb: c.verb, Resource: "pods", Namespace: "shop"}},
		}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if may.Status.Allowed != c.want {
			t.Errorf("%s may %s pods: %+v, want %t", c.who.User, c.verb, may.Status, c.want)
		}
	}
}

func TestANodeReadsTheConfigMapThatItsPodNamesAndSetsNoRoleOfItsOwn(t *testing.T) {
	cluster := start(t)
	person, kubelet := cluster.Admin(), cluster.Client("kubelet", access.NodeClient("node-1"))
	create(t, person, configMap("a"))
	get := func() error {
		_, err := kubelet.CoreV1().ConfigMaps("default").Get(t.Context(), "a", metav1.GetOptions{})
		return err
	}
	if err := get(); !apierrors.IsForbidden(err) {
		t.Errorf("without a pod: got %v, want Forbidden", err)
	}
	p := pod("web")
	p.Spec.NodeName = "node-1"
	p.Spec.Containers[0].EnvFrom = []corev1.EnvFromSource{{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "a"}}}}
	createPod(t, person, p)
	waitFor(t, "the node to be let in", func() bool { return get() == nil })
	node, err := kubelet.CoreV1().Nodes().Create(t.Context(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "node-1"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	node.Labels = map[string]string{"node-role.kubernetes.io/control-plane": ""}
	if _, err := kubelet.CoreV1().Nodes().Update(t.Context(), node, metav1.UpdateOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("a role: got %v, want Forbidden", err)
	}
}

func TestARefusedRequestSaysWhatIsWrongWithIt(t *testing.T) {
	person := start(t).Admin()
	create(t, person, configMap("a"))
	_, err := person.CoreV1().ConfigMaps("default").Patch(t.Context(), "a", types.JSONPatchType, []byte(`[{"op": "remove", "path": "/data/none"}]`), metav1.PatchOptions{})
	if !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), "/data/none") {
		t.Errorf("a patch of what is not there: got %v, want the path", err)
	}
	_, err = person.CoreV1().ConfigMaps("default").List(t.Context(), metav1.ListOptions{Limit: -1})
	if !apierrors.IsBadRequest(err) || !strings.Contains(err.Error(), "0 or more") {
		t.Errorf("a limit of -1: got %v, want what it may be", err)
	}
}
