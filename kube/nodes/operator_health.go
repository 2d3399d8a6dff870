package nodes

import (
	"context"
	"errors"
	"fmt"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"

	"kubelab/kube/operator"
	"kubelab/kube/trace"
)

// concernsHealth notes what a node says of itself.
func (l *Lifecycle) concernsHealth(n *corev1.Node) []operator.Key {
	l.hearing.reported(n, time.Now())
	return operator.Self(n)
}

// followLeases notes every sign of life. The loop itself is woken only for a node that is back after a long silence;
// silence wakes it by the clock.
func (l *Lifecycle) followLeases() error {
	heard := func(lease *coordinationv1.Lease) {
		if lease.Namespace == corev1.NamespaceNodeLease && l.hearing.renewed(lease.Name, time.Now()) {
			l.health.Add(operator.Key{Name: lease.Name})
		}
	}
	_, err := l.leases.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: func(obj any) { heard(obj.(*coordinationv1.Lease)) },
		UpdateFunc: func(before, after any) {
			if isRenewal(before.(*coordinationv1.Lease), after.(*coordinationv1.Lease)) {
				heard(after.(*coordinationv1.Lease))
			}
		},
	})
	return err
}

// reconcileHealth makes a node's conditions, its taints and its pods' readiness agree with what was heard of it.
func (l *Lifecycle) reconcileHealth(ctx context.Context, key operator.Key) error {
	n, err := l.nodes.Get(key.Name)
	if apierrors.IsNotFound(err) {
		l.hearing.forget(key.Name)
		return nil
	}
	now := time.Now()
	lostAt := l.hearing.lostAt(n.Name, now)
	if wait := lostAt.Sub(now); wait > 0 {
		l.health.After(key, wait, fmt.Sprintf("the lease of node %s was not renewed for %s", n.Name, Grace))
	} else if n, ctx, err = l.markLost(ctx, n, now); err != nil {
		return err
	}
	if n, ctx, err = l.taint(ctx, n, now); err != nil {
		return err
	}
	if status(n, corev1.NodeReady) == corev1.ConditionTrue {
		return nil
	}
	return l.markPods(ctx, n, now)
}

// markLost says that nobody knows how the node is, after one more look: the watch may be behind.
func (l *Lifecycle) markLost(ctx context.Context, n *corev1.Node, now time.Time) (*corev1.Node, context.Context, error) {
	conditions, changed := SilentConditions(n.Status.Conditions, now)
	if !changed {
		return n, ctx, nil
	}
	renewed, err := l.renewedUnheard(ctx, n.Name)
	if err != nil {
		return n, ctx, fmt.Errorf("look once more for a sign of life of node %s: %w", n.Name, err)
	}
	if renewed {
		l.hearing.renewed(n.Name, now)
		l.health.Add(operator.Key{Name: n.Name})
		return n, ctx, nil
	}
	n = n.DeepCopy()
	n.Status.Conditions = conditions
	ctx = trace.Because(ctx, "node %s did not renew its lease for %s", n.Name, Grace)
	updated, err := l.client.CoreV1().Nodes().UpdateStatus(ctx, n, metav1.UpdateOptions{})
	if err != nil {
		return n, ctx, err
	}
	l.client.Event(ctx, updated, corev1.EventTypeNormal, "NodeNotReady", "Node %s status is now: NodeNotReady", n.Name)
	return updated, because(ctx, updated.ResourceVersion), nil
}

// renewedUnheard asks the API server itself whether the lease is newer than the watch knows.
func (l *Lifecycle) renewedUnheard(ctx context.Context, node string) (bool, error) {
	lease, err := l.client.CoordinationV1().Leases(corev1.NamespaceNodeLease).Get(ctx, node, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	obj, known, err := l.leases.GetStore().Get(lease)
	if err != nil || !known {
		return err == nil, err
	}
	return isRenewal(obj.(*coordinationv1.Lease), lease), nil
}

// taint gives the node the taints that its conditions call for, and takes off those that they no longer do.
func (l *Lifecycle) taint(ctx context.Context, n *corev1.Node, now time.Time) (*corev1.Node, context.Context, error) {
	taints, changed := Taints(n, now)
	if !changed {
		return n, ctx, nil
	}
	n = n.DeepCopy()
	n.Spec.Taints = taints
	ctx = trace.Because(ctx, "node %s is %s", n.Name, statusWords(n))
	updated, err := l.client.CoreV1().Nodes().Update(ctx, n, metav1.UpdateOptions{})
	if err != nil {
		return n, ctx, err
	}
	return updated, because(ctx, updated.ResourceVersion), nil
}

// markPods takes the pods of a node that is not ready out of their services.
func (l *Lifecycle) markPods(ctx context.Context, n *corev1.Node, now time.Time) error {
	var failed []error
	for _, pod := range l.podsOn(n.Name) {
		conditions, changed := UnreadyConditions(pod.Status.Conditions, now)
		if !changed {
			continue
		}
		pod = pod.DeepCopy()
		pod.Status.Conditions = conditions
		ctx := trace.Because(ctx, "node %s is %s", n.Name, statusWords(n))
		_, err := l.client.CoreV1().Pods(pod.Namespace).UpdateStatus(ctx, pod, metav1.UpdateOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}
