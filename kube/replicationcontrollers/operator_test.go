package replicationcontrollers_test

import (
	"context"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"kubelab/kube/api"
	"kubelab/kube/apiserver/apiservertest"
	"kubelab/kube/garbage"
	"kubelab/kube/nodes"
	"kubelab/kube/operator"
	"kubelab/kube/pods/podkind"
	"kubelab/kube/replicationcontrollers"
	"kubelab/kube/services/servicekind"
)

// newLab is an API server with the loop of ReplicationControllers, and a person.
func newLab(t *testing.T) *operator.Client {
	t.Helper()
	controllers := apiservertest.Controllers(replicationcontrollers.Loops...)
	cluster := apiservertest.StartFor(t, apiservertest.Policy(t, controllers), slices.Concat(api.Kinds, nodes.Kinds, servicekind.Kinds, garbage.Kinds,
		podkind.Kinds, replicationcontrollers.Kinds)...)
	client := cluster.As(controllers, "")
	loop, err := replicationcontrollers.New(client)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	if err := client.Sync(ctx); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- loop.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		client.Watches.Shutdown()
	})
	return cluster.Admin()
}

// await waits until the pods of the namespace, and what the ReplicationController says of them, are as they shall be.
func await(t *testing.T, person *operator.Client, what string, reached func([]corev1.Pod, *corev1.ReplicationController) bool) []corev1.Pod {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		list, err := person.CoreV1().Pods("default").List(t.Context(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		rc, err := person.CoreV1().ReplicationControllers("default").Get(t.Context(), "web", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if reached(list.Items, rc) {
			return list.Items
		}
		if time.Now().After(deadline) {
			t.Fatalf("waited a minute for %s: %d pods, status %+v", what, len(list.Items), rc.Status)
		}
	}
}

// so is that there are so many pods, and that the ReplicationController says so.
func so(many int) func([]corev1.Pod, *corev1.ReplicationController) bool {
	return func(pods []corev1.Pod, rc *corev1.ReplicationController) bool {
		return len(pods) == many && int(rc.Status.Replicas) == many
	}
}

func TestAReplicationControllerKeepsItsPodsAndLeavesThemBehindUnlessToldOtherwise(t *testing.T) {
	person := newLab(t)
	api := person.CoreV1().ReplicationControllers("default")
	_, err := api.Create(t.Context(), &corev1.ReplicationController{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: corev1.ReplicationControllerSpec{Replicas: new(int32(3)), Template: &corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "web"}},
			Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "server", Image: "web:1"}}},
		}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	three := await(t, person, "three pods", so(3))
	owner := metav1.GetControllerOf(&three[0])
	if owner == nil || owner.APIVersion != "v1" || owner.Kind != "ReplicationController" || owner.Name != "web" {
		t.Errorf("its owner is %v", owner)
	}
	scale, err := api.GetScale(t.Context(), "web", metav1.GetOptions{})
	if err != nil || scale.Status.Selector != "app=web" || scale.Status.Replicas != 3 {
		t.Fatalf("its scale: %+v, %v", scale, err)
	}
	scale.Spec.Replicas = 1
	if _, err := api.UpdateScale(t.Context(), "web", scale, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	one := await(t, person, "one pod", so(1))

	// Its selector may change: the pod is released, and another one takes its place.
	patch := []byte(`{"spec":{"selector":{"app":"shop"},"template":{"metadata":{"labels":{"app":"shop"}}}}}`)
	if _, err := api.Patch(t.Context(), "web", types.StrategicMergePatchType, patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	await(t, person, "another pod beside the released one", func(pods []corev1.Pod, _ *corev1.ReplicationController) bool {
		return len(pods) == 2 && slices.ContainsFunc(pods, func(p corev1.Pod) bool { return p.Name == one[0].Name && metav1.GetControllerOf(&p) == nil })
	})
	if err := api.Delete(t.Context(), "web", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	gone, err := api.Get(t.Context(), "web", metav1.GetOptions{})
	if err != nil || !slices.Contains(gone.Finalizers, metav1.FinalizerOrphanDependents) {
		t.Errorf("deleted without a word about its pods, it does not set them free: %v, %v", gone.Finalizers, err)
	}
	if err := api.Delete(t.Context(), "web", metav1.DeleteOptions{PropagationPolicy: new(metav1.DeletePropagationBackground)}); err != nil {
		t.Fatal(err)
	}
}
