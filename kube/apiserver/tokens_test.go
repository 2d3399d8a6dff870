package apiserver_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"kubelab/kube/access"
	"kubelab/kube/apiserver/apiservertest"
	clusters "kubelab/kube/cluster"
	"kubelab/kube/serviceaccounts"
)

// holding is a client that has nothing but a token.
func holding(t *testing.T, config *rest.Config, token string) *kubernetes.Clientset {
	t.Helper()
	client, err := kubernetes.NewForConfig(&rest.Config{Host: config.Host, BearerToken: token, TLSClientConfig: rest.TLSClientConfig{CAData: config.CAData, CAFile: config.CAFile}})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func TestAProgramWithItsPodsTokenIsItsAccountAsLongAsThePodIsThere(t *testing.T) {
	cluster := apiservertest.StartFor(t, apiservertest.Policy(t, clusters.Declared...), slices.Concat(kinds, serviceaccounts.Kinds)...)
	person, kubelet, other := cluster.Admin(), cluster.Client("kubelet", access.NodeClient("node-1")), cluster.Client("kubelet", access.NodeClient("node-2"))
	ctx := t.Context()
	if _, err := person.CoreV1().ServiceAccounts("default").Create(ctx, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "web"}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	pod, err := person.CoreV1().Pods("default").Create(ctx, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "web-1"},
		Spec: corev1.PodSpec{NodeName: "node-1", ServiceAccountName: "web", Containers: []corev1.Container{{Name: "a", Image: "a"}},
			Volumes: []corev1.Volume{{Name: "token", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{
				Sources: []corev1.VolumeProjection{{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{Path: "token"}}}}}}}}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	bound := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{BoundObjectRef: &authenticationv1.BoundObjectReference{Kind: "Pod", APIVersion: "v1", Name: "web-1", UID: pod.UID}}}
	ask := func(of kubernetes.Interface, request *authenticationv1.TokenRequest) (string, error) {
		given, err := of.CoreV1().ServiceAccounts("default").CreateToken(ctx, "web", request, metav1.CreateOptions{})
		if err != nil {
			return "", err
		}
		return given.Status.Token, nil
	}
	if _, err := ask(other, bound); !apierrors.IsForbidden(err) {
		t.Errorf("another node asks: %v", err)
	}
	if _, err := ask(kubelet, &authenticationv1.TokenRequest{}); !apierrors.IsForbidden(err) {
		t.Errorf("the node asks for one that is bound to nothing: %v", err)
	}
	token, err := ask(kubelet, bound)
	for end := time.Now().Add(10 * time.Second); apierrors.IsForbidden(err) && time.Now().Before(end); token, err = ask(kubelet, bound) {
		time.Sleep(10 * time.Millisecond) // the server hears of the pod by a watch, as the node does
	}
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := bound.DeepCopy()
	elsewhere.Spec.Audiences = []string{"vault"}
	if _, err := ask(kubelet, elsewhere); !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), `audience "vault" not found in pod spec volume`) {
		t.Errorf("the node asks for one for whom no volume of the pod has one: %v", err)
	}
	if _, err := ask(person, elsewhere); err != nil {
		t.Errorf("a person asks for the same: %v", err)
	}
	program := holding(t, cluster.Config(), token)
	me, err := program.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	if err != nil || me.Status.UserInfo.Username != "system:serviceaccount:default:web" || me.Status.UserInfo.Extra["authentication.kubernetes.io/pod-name"][0] != "web-1" {
		t.Errorf("it is %+v, %v", me, err)
	}
	if _, err := program.CoreV1().Pods("default").List(ctx, metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("without a right to list pods: %v", err)
	}
	review := func(audience string) authenticationv1.TokenReviewStatus {
		r, err := person.AuthenticationV1().TokenReviews().Create(ctx, &authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: token, Audiences: []string{audience}}}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return r.Status
	}
	if s := review("https://kubernetes.default.svc.cluster.local"); !s.Authenticated || s.User.Username != "system:serviceaccount:default:web" {
		t.Errorf("review: %+v", s)
	}
	if s := review("vault"); s.Authenticated || s.Error == "" {
		t.Errorf("review for another audience: %+v", s)
	}
	if err := person.CoreV1().Pods("default").Delete(ctx, "web-1", metav1.DeleteOptions{GracePeriodSeconds: new(int64(0))}); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the token to be worth nothing", func() bool {
		_, err := program.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
		return apierrors.IsUnauthorized(err)
	})
}
