//go:build linux

package main

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/conversion/queryparams"
	"k8s.io/client-go/kubernetes/scheme"

	"kubelab/kube/access"
	"kubelab/kube/access/tokens"
	"kubelab/kube/api"
	"kubelab/kube/apiserver/request"
	"kubelab/kube/apiserver/reviews"
	"kubelab/kube/cluster"
	"kubelab/kube/pods/subresources"
	"kubelab/kube/services"
)

// brought are what requests bring that are not objects of a kind: the bodies of subresources, and the options.
func brought(t *testing.T) (types []any) {
	t.Helper()
	for _, kind := range cluster.Kinds(services.DefaultRange) {
		for _, sub := range kind.Subresources {
			if sub.Body == kind.GroupVersionKind || sub.Body.Empty() {
				continue
			}
			body, err := scheme.Scheme.New(sub.Body)
			if err != nil {
				t.Fatalf("%s/%s: %v", kind.Plural, sub.Name, err)
			}
			types = append(types, body)
		}
	}
	return append(types, &autoscalingv1.Scale{}, &corev1.PodLogOptions{}, &metav1.GetOptions{}, &metav1.ListOptions{}, &metav1.CreateOptions{},
		&metav1.UpdateOptions{}, &metav1.PatchOptions{}, &metav1.DeleteOptions{}, &metav1.TableOptions{})
}

// refusals are the paths that the error names which something gets that is no object of a stored kind.
func refusals(t *testing.T, sent any) (paths []string) {
	t.Helper()
	var err error
	switch sent := sent.(type) {
	case *authenticationv1.TokenRequestSpec:
		for _, problem := range tokens.Validate(&authenticationv1.TokenRequest{Spec: *sent}) {
			paths = append(paths, problem.Field)
		}
		return paths
	case *metav1.ListOptions:
		err = asked("list", sent)
	case *metav1.DeleteOptions:
		err = asked("delete", sent)
	case *corev1.PodLogOptions:
		query, _ := queryparams.Convert(sent)
		_, err = subresources.OfPods[slices.IndexFunc(subresources.OfPods, func(s api.Subresource) bool { return s.Name == "log" })].Connect(&corev1.Pod{}, query, nil)
	case api.Object:
		err = reviews.Answer(&access.Policy{}, access.Request{}, reviews.Sender{}, sent)
	default:
		t.Fatalf("who refuses a field of a %T?", sent)
	}
	var status apierrors.APIStatus
	if errors.As(err, &status) && status.Status().Details != nil {
		for _, cause := range status.Status().Details.Causes {
			paths = append(paths, cause.Field)
		}
	}
	return paths
}

// asked is the error of a request with options in its query.
func asked(verb string, options any) error {
	query, err := queryparams.Convert(options)
	if err != nil {
		return err
	}
	_, err = request.Read(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/?"+query.Encode(), nil), verb)
	return err
}
