package stepmode_test

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	kubetesting "k8s.io/client-go/testing"

	"kubelab/kube/operator"
	"kubelab/kube/operator/stepmode"
)

func TestTwoWhoReleaseAllLoopsAtOnceBothSucceed(t *testing.T) {
	held := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceSystem, Name: operator.StepMode}, Data: map[string]string{"scheduler": "0"}}
	client := fake.NewClientset(held)
	client.PrependReactor("delete", "configmaps", func(kubetesting.Action) (bool, runtime.Object, error) {
		if err := client.Tracker().Delete(corev1.SchemeGroupVersion.WithResource("configmaps"), held.Namespace, held.Name); err != nil {
			t.Error(err) // the other one is faster
		}
		return true, nil, apierrors.NewNotFound(schema.GroupResource{Resource: "configmaps"}, held.Name)
	})
	release := func(data map[string]string) error { clear(data); return nil }
	if err := stepmode.Change(t.Context(), client, release); err != nil {
		t.Error(err)
	}
}
