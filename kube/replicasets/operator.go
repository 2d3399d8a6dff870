package replicasets

import (
	"context"
	"errors"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	listers "k8s.io/client-go/listers/apps/v1"

	"kubelab/kube/operator"
	"kubelab/kube/trace"
)

// workers is how many ReplicaSets are worked on at once.
const workers = 4

type reconciler struct {
	client *operator.Client
	sets   listers.ReplicaSetLister
	pods   *operator.Children[*appsv1.ReplicaSet, *corev1.Pod]
	loop   *operator.Loop
}

// New makes the loop that keeps the pods of ReplicaSets. The caller syncs client's watches and runs it.
func New(client *operator.Client) (*operator.Loop, error) {
	sets, pods := client.Watches.Apps().V1().ReplicaSets(), client.Watches.Core().V1().Pods().Informer()
	children, err := operator.NewChildren(client, pods, operator.Ownership[*appsv1.ReplicaSet, *corev1.Pod]{
		Kind: controller, Child: "pod", Selector: func(rs *appsv1.ReplicaSet) *metav1.LabelSelector { return rs.Spec.Selector },
		Owners: func(namespace string) operator.Getter[*appsv1.ReplicaSet] {
			return client.AppsV1().ReplicaSets(namespace)
		},
		Children: func(namespace string) operator.Writer[*corev1.Pod] { return client.CoreV1().Pods(namespace) },
	})
	if err != nil {
		return nil, err
	}
	r := &reconciler{client: client, sets: sets.Lister(), pods: children}
	r.loop = operator.NewLoop(Loops[0], workers, client, r.reconcile)
	return r.loop, errors.Join(
		operator.Follow(r.loop, sets.Informer(), operator.Self[*appsv1.ReplicaSet]),
		operator.Follow(r.loop, pods, children.Concerned(sets.Informer().GetIndexer())))
}

func (r *reconciler) reconcile(ctx context.Context, key operator.Key) error {
	rs, err := r.sets.ReplicaSets(key.Namespace).Get(key.Name)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	status, again, failure := Keep(ctx, r.pods, rs, rs)
	if again > 0 {
		r.loop.After(key, again, "minReadySeconds over")
	}
	return errors.Join(failure, r.report(ctx, rs, status))
}

// Keep makes the pods of an owner as many as rs wants. The owner is rs itself, or something that means the same by another name. It
// returns the status that is true then, and when that changes by the mere passing of time (zero: it does not).
func Keep[O operator.Parent](ctx context.Context, children *operator.Children[O, *corev1.Pod], owner O, rs *appsv1.ReplicaSet) (appsv1.ReplicaSetStatus, time.Duration, error) {
	pods, err := children.By(owner)
	if err != nil {
		return rs.Status, 0, err
	}
	plan := Decide(rs, pods, time.Now())
	ctx = trace.Decided(ctx, plan)
	byName := map[string]*corev1.Pod{}
	for _, pod := range pods {
		byName[pod.Name] = pod
	}
	err = children.Release(ctx, owner, byName, plan.Release)
	if err == nil {
		err = children.Adopt(ctx, owner, byName, plan.Adopt)
	}
	if err != nil {
		return rs.Status, 0, err
	}
	why := fmt.Sprintf("wanted %d, have %d", *rs.Spec.Replicas, plan.Status.Replicas)
	reason := "FailedCreate"
	err = children.Create(trace.Because(ctx, "%s", why), owner, plan.Create, func() *corev1.Pod { return newPod(rs) })
	if err == nil {
		reason = "FailedDelete"
		var doomed []*corev1.Pod
		for _, removal := range plan.Delete {
			doomed = append(doomed, byName[removal.Pod])
		}
		err = children.Delete(ctx, owner, doomed, func(i int) string { return why + plan.Delete[i].because() })
	}
	return withFailure(plan.Status, reason, err, time.Now()), plan.Again, err
}

// report writes the status, if it says something new.
func (r *reconciler) report(ctx context.Context, rs *appsv1.ReplicaSet, status appsv1.ReplicaSetStatus) error {
	if equality.Semantic.DeepEqual(rs.Status, status) {
		return nil
	}
	ctx = trace.Because(ctx, "%d pods, %d ready, %d available", status.Replicas, status.ReadyReplicas, status.AvailableReplicas)
	changed := rs.DeepCopy()
	changed.Status = status
	if _, err := r.client.AppsV1().ReplicaSets(rs.Namespace).UpdateStatus(ctx, changed, metav1.UpdateOptions{}); err != nil {
		return fmt.Errorf("report on %s: %w", rs.Name, err)
	}
	return nil
}
