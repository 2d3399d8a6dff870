//go:build linux

package kubelet

import (
	"context"
	"log/slog"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// A node that has not renewed its Lease for leaseTerm counts as lost.
const (
	renewInterval = time.Second
	leaseTerm     = 4 * time.Second
)

// sendHeartbeats renews the node's Lease until ctx is done. It is the one thing that is written without a reason: it
// says only that there is somebody who writes.
func sendHeartbeats(ctx context.Context, client kubernetes.Interface, node string) error {
	ticker := time.NewTicker(renewInterval)
	defer ticker.Stop()
	var lease *coordinationv1.Lease
	silent := false // has been said
	for {
		renewed, err := renew(ctx, client, node, lease)
		lease = renewed // none after an error: the next time begins with what is there
		if err != nil && ctx.Err() == nil && !silent {
			slog.Warn("the node's lease is not renewed", "error", err)
		}
		silent = err != nil
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// renew says in the node's Lease that the node lives. The lease belongs to the Node, as soon as there is one, and goes with it.
func renew(ctx context.Context, client kubernetes.Interface, node string, lease *coordinationv1.Lease) (*coordinationv1.Lease, error) {
	ctx, cancel := context.WithTimeout(ctx, leaseTerm)
	defer cancel()
	leases := client.CoordinationV1().Leases(corev1.NamespaceNodeLease)
	wanted := coordinationv1.LeaseSpec{
		HolderIdentity: &node, LeaseDurationSeconds: new(int32(leaseTerm.Seconds())), RenewTime: new(metav1.NowMicro()),
	}
	if lease == nil {
		found, err := leases.Get(ctx, node, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: node, OwnerReferences: ownerOf(ctx, client, node)}, Spec: wanted}
			return leases.Create(ctx, lease, metav1.CreateOptions{})
		}
		if err != nil {
			return nil, err
		}
		lease = found
	}
	lease.Spec = wanted
	if len(lease.OwnerReferences) == 0 {
		lease.OwnerReferences = ownerOf(ctx, client, node)
	}
	renewed, err := leases.Update(ctx, lease, metav1.UpdateOptions{})
	if err != nil {
		return nil, err
	}
	return renewed, nil
}

// ownerOf refers to the Node, if there is one: whether it lives is told all the same.
func ownerOf(ctx context.Context, client kubernetes.Interface, node string) []metav1.OwnerReference {
	owner, err := client.CoreV1().Nodes().Get(ctx, node, metav1.GetOptions{})
	if err != nil {
		return nil
	}
	return []metav1.OwnerReference{{APIVersion: "v1", Kind: "Node", Name: owner.Name, UID: owner.UID}}
}
