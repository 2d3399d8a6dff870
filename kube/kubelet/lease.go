//go:build linux

package kubelet

import (
	"context"
	"log/slog"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coordination "k8s.io/client-go/kubernetes/typed/coordination/v1"
)

// A node that has not renewed its Lease for leaseTerm counts as lost.
const (
	renewEvery = time.Second
	leaseTerm  = 4 * time.Second
)

// beat renews the node's Lease until ctx is done. It is the one thing that is written without a reason: it
// says only that there is somebody who writes.
func beat(ctx context.Context, leases coordination.LeaseInterface, node string) error {
	ticker := time.NewTicker(renewEvery)
	defer ticker.Stop()
	var lease *coordinationv1.Lease
	silent := false // has been said
	for {
		renewed, err := renew(ctx, leases, node, lease)
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

func renew(ctx context.Context, leases coordination.LeaseInterface, node string, lease *coordinationv1.Lease) (*coordinationv1.Lease, error) {
	ctx, cancel := context.WithTimeout(ctx, leaseTerm)
	defer cancel()
	wanted := coordinationv1.LeaseSpec{
		HolderIdentity: &node, LeaseDurationSeconds: new(int32(leaseTerm.Seconds())), RenewTime: new(metav1.NowMicro()),
	}
	if lease == nil {
		found, err := leases.Get(ctx, node, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return leases.Create(ctx, &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: node}, Spec: wanted}, metav1.CreateOptions{})
		}
		if err != nil {
			return nil, err
		}
		lease = found
	}
	lease.Spec = wanted
	renewed, err := leases.Update(ctx, lease, metav1.UpdateOptions{})
	if err != nil {
		return nil, err
	}
	return renewed, nil
}
