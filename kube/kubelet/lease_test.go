//go:build linux

package kubelet

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
)

func TestALeaseBelongsToItsNodeAsSoonAsThereIsOne(t *testing.T) {
	clients := fake.NewClientset()
	lease, err := renew(t.Context(), clients, nodeName, nil)
	if err != nil || len(lease.OwnerReferences) != 0 {
		t.Fatalf("before there is a node: %+v, %v", lease, err)
	}
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: nodeName, UID: "u1"}}
	if _, err := clients.CoreV1().Nodes().Create(t.Context(), node, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	want := []metav1.OwnerReference{{APIVersion: "v1", Kind: "Node", Name: nodeName, UID: "u1"}}
	if lease, err = renew(t.Context(), clients, nodeName, lease); err != nil || !cmp.Equal(want, lease.OwnerReferences) {
		t.Errorf("then: %+v, %v", lease, err)
	}
	if err := clients.CoordinationV1().Leases(corev1.NamespaceNodeLease).Delete(context.Background(), nodeName, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if lease, err = renew(t.Context(), clients, nodeName, nil); err != nil || !cmp.Equal(want, lease.OwnerReferences) {
		t.Errorf("made anew: %+v, %v", lease, err)
	}
}
