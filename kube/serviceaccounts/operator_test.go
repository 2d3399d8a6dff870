package serviceaccounts

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"kubelab/kube/operator"
	"kubelab/kube/trace"
)

// inCluster runs the loop on a cluster that holds the namespace shop, then the test's actions, each when nothing is left to do.
func inCluster(t *testing.T, actions ...func(client *fake.Clientset)) {
	synctest.Test(t, func(t *testing.T) {
		clients := fake.NewClientset(namespace("shop"))
		recorder, err := trace.NewRecorder("controllers", "cp", "")
		if err != nil {
			t.Fatal(err)
		}
		client := operator.NewClient(clients, recorder, "controllers")
		loop, err := New(client, []byte(authority))
		if err != nil {
			t.Fatal(err)
		}
		ctx, end := context.WithCancel(t.Context())
		if err := client.Sync(ctx); err != nil {
			t.Fatal(err)
		}
		done := make(chan error)
		go func() { done <- loop.Run(ctx) }()
		for _, action := range actions {
			synctest.Wait()
			action(clients)
		}
		end()
		if err := <-done; err != nil {
			t.Error(err)
		}
		client.Watches.Shutdown()
	})
}

func certificate(t *testing.T, client *fake.Clientset, namespace string) map[string]string {
	t.Helper()
	m, err := client.CoreV1().ConfigMaps(namespace).Get(t.Context(), RootCA, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return m.Data
}

func TestWhatBelongsToANamespaceComesBackWhenItIsDeletedOrChanged(t *testing.T) {
	want := map[string]string{"ca.crt": authority}
	has := func(namespace string) func(*fake.Clientset) {
		return func(client *fake.Clientset) {
			if _, err := client.CoreV1().ServiceAccounts(namespace).Get(t.Context(), Default, metav1.GetOptions{}); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(want, certificate(t, client, namespace)); diff != "" {
				t.Errorf("%s of namespace %s (-want +got):\n%s", RootCA, namespace, diff)
			}
		}
	}
	inCluster(t,
		has("shop"),
		func(client *fake.Clientset) {
			must(t, client.CoreV1().ServiceAccounts("shop").Delete(t.Context(), Default, metav1.DeleteOptions{}))
			must(t, client.CoreV1().ConfigMaps("shop").Delete(t.Context(), RootCA, metav1.DeleteOptions{}))
		},
		has("shop"),
		func(client *fake.Clientset) {
			m, err := client.CoreV1().ConfigMaps("shop").Get(t.Context(), RootCA, metav1.GetOptions{})
			must(t, err)
			m.Data = map[string]string{"ca.crt": "mine"}
			_, err = client.CoreV1().ConfigMaps("shop").Update(t.Context(), m, metav1.UpdateOptions{})
			must(t, err)
		},
		has("shop"),
		func(client *fake.Clientset) {
			_, err := client.CoreV1().Namespaces().Create(t.Context(), namespace("bank"), metav1.CreateOptions{})
			must(t, err)
		},
		has("bank"))
}

func TestOtherAccountsAndConfigMapsAreNoConcernOfTheLoop(t *testing.T) {
	inCluster(t, func(client *fake.Clientset) {
		_, err := client.CoreV1().ConfigMaps("shop").Create(t.Context(), &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Name: "settings"}, Data: map[string]string{"ca.crt": "mine"}}, metav1.CreateOptions{})
		must(t, err)
	}, func(client *fake.Clientset) {
		m, err := client.CoreV1().ConfigMaps("shop").Get(t.Context(), "settings", metav1.GetOptions{})
		must(t, err)
		if m.Data["ca.crt"] != "mine" {
			t.Errorf("settings is now %v", m.Data)
		}
		if _, err := client.CoreV1().ServiceAccounts("shop").Get(t.Context(), "settings", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			t.Errorf("an account settings: %v", err)
		}
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
