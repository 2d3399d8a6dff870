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
	r.loop = operator.NewLoop("replicasets", "replicasets", workers, client, r.reconcile)
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
	pods, err := r.pods.By(rs)
	if err != nil {
		return err
	}
	plan := Decide(rs, pods, time.Now())
	ctx = trace.Decided(ctx, plan)
	byName := map[string]*corev1.Pod{}
	for _, pod := range pods {
		byName[pod.Name] = pod
	}
	if err := r.pods.Release(ctx, rs, byName, plan.Release); err != nil {
		return err
	}
	if err := r.pods.Adopt(ctx, rs, byName, plan.Adopt); err != nil {
		return err
	}
	ctx = trace.Because(ctx, "wanted %d, have %d", *rs.Spec.Replicas, plan.Status.Replicas)
	reason, failure := "FailedCreate", r.pods.Create(ctx, rs, plan.Create, func() *corev1.Pod { return newPod(rs) })
	if failure == nil {
		reason, failure = "FailedDelete", r.delete(ctx, rs, plan, byName)
	}
	if plan.Again > 0 {
		r.loop.After(key, plan.Again, "minReadySeconds over")
	}
	return errors.Join(failure, r.report(ctx, rs, withFailure(plan.Status, reason, failure, time.Now())))
}

// delete takes the surplus away, and says why it is these.
func (r *reconciler) delete(ctx context.Context, rs *appsv1.ReplicaSet, plan Plan, pods map[string]*corev1.Pod) error {
	var doomed []*corev1.Pod
	why := map[string]string{}
	for _, removal := range plan.Delete {
		doomed = append(doomed, pods[removal.Pod])
		why[removal.Pod] = fmt.Sprintf("wanted %d, have %d", *rs.Spec.Replicas, plan.Status.Replicas)
		if removal.Why != "" {
			why[removal.Pod] += fmt.Sprintf(": %s %s", removal.Pod, removal.Why)
		}
	}
	return r.pods.Delete(ctx, rs, doomed, func(pod *corev1.Pod) string { return why[pod.Name] })
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
