package apiserver_test

import (
	"context"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubelab/kube/api"
	"kubelab/kube/apiserver/apiservertest"
	"kubelab/kube/pods"
	"kubelab/kube/services"
)

var namespace = api.Type[*corev1.Namespace]{Names: api.Names{Plural: "namespaces", Short: []string{"ns"}, HasStatus: true}}.Kind()

func TestCreate(t *testing.T) {
	kinds := append(append(api.Kinds, services.Kinds...), pods.Kind, namespace)
	c := apiservertest.Start(t, kinds...).Admin()
	ctx := context.Background()
	cm, err := c.CoreV1().ConfigMaps("default").Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "a"}, Data: map[string]string{"x": "y"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Log(cm)
	list, err := c.CoreV1().Namespaces().List(ctx, metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Log(len(list.Items), list.ResourceVersion)
	inf := c.Watches.Core().V1().ConfigMaps().Informer()
	if err := c.Sync(ctx); err != nil {
		t.Fatal(err)
	}
	t.Log(inf.GetStore().List())
}
