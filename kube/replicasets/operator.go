package replicasets

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	listers "k8s.io/client-go/listers/apps/v1"

	"kubelab/kube/operator"
	"kubelab/kube/trace"
)

const (
	workers    = 4  // ReplicaSets worked on at once
	inParallel = 10 // pods of one ReplicaSet created or deleted at once
)

var control = operator.Control[*appsv1.ReplicaSet, *corev1.Pod]{
	Kind: controller, Selector: func(rs *appsv1.ReplicaSet) *metav1.LabelSelector { return rs.Spec.Selector },
}

type reconciler struct {
	client *operator.Client
	sets   listers.ReplicaSetLister
	pods   *operator.Owned[*corev1.Pod]
	loop   *operator.Loop
}

// New makes the loop that keeps the pods of ReplicaSets. The caller syncs client's watches and runs it.
func New(client *operator.Client) (*operator.Loop, error) {
	sets, pods := client.Watches.Apps().V1().ReplicaSets(), client.Watches.Core().V1().Pods().Informer()
	owned, err := operator.NewOwned[*corev1.Pod](pods)
	if err != nil {
		return nil, fmt.Errorf("index pods by owner: %w", err)
	}
	r := &reconciler{client: client, sets: sets.Lister(), pods: owned}
	r.loop = operator.NewLoop("replicasets", "replicasets", workers, client, r.reconcile)
	return r.loop, errors.Join(
		operator.Follow(r.loop, sets.Informer(), operator.Self[*appsv1.ReplicaSet]),
		operator.Follow(r.loop, pods, control.Concerned(sets.Informer().GetIndexer())))
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
	api := r.client.CoreV1().Pods(rs.Namespace)
	for _, name := range plan.Release {
		if err := control.Release(ctx, rs, api, byName[name]); err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("release pod %s: %w", name, err)
		}
	}
	if err := control.Adopt(ctx, rs, r.client.AppsV1().ReplicaSets(rs.Namespace), api, byName, plan.Adopt); err != nil {
		return err
	}
	reason, failure := "FailedCreate", r.create(ctx, rs, plan)
	if failure == nil {
		reason, failure = "FailedDelete", r.delete(ctx, rs, plan, byName)
	}
	if plan.Again > 0 {
		r.loop.After(key, plan.Again, "minReadySeconds over")
	}
	return errors.Join(failure, r.report(ctx, rs, withFailure(plan.Status, reason, failure, time.Now())))
}

// create makes the missing pods. The first error ends it: the others would most likely meet the same.
func (r *reconciler) create(ctx context.Context, rs *appsv1.ReplicaSet, plan Plan) error {
	ctx = trace.Because(ctx, "wanted %d, have %d", *rs.Spec.Replicas, plan.Status.Replicas)
	return inTurns(plan.Create, func(int) error {
		pod, err := r.client.CoreV1().Pods(rs.Namespace).Create(ctx, newPod(rs), metav1.CreateOptions{})
		switch {
		case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
			return nil // the namespace goes, and rs with it
		case err != nil:
			r.client.Event(ctx, rs, corev1.EventTypeWarning, "FailedCreate", "Error creating: %v", err)
			return fmt.Errorf("create pod of %s: %w", rs.Name, err)
		}
		r.pods.Created(pod)
		r.client.Event(ctx, rs, corev1.EventTypeNormal, "SuccessfulCreate", "Created pod: %s", pod.Name)
		return nil
	})
}

func (r *reconciler) delete(ctx context.Context, rs *appsv1.ReplicaSet, plan Plan, pods map[string]*corev1.Pod) error {
	return inTurns(len(plan.Delete), func(i int) error {
		pod, why := pods[plan.Delete[i].Pod], plan.Delete[i].Why
		ctx := trace.Because(ctx, "wanted %d, have %d", *rs.Spec.Replicas, plan.Status.Replicas)
		if why != "" {
			ctx = trace.Because(ctx, "wanted %d, have %d: %s %s", *rs.Spec.Replicas, plan.Status.Replicas, pod.Name, why)
		}
		err := r.client.CoreV1().Pods(rs.Namespace).Delete(ctx, pod.Name, metav1.DeleteOptions{
			Preconditions: metav1.NewUIDPreconditions(string(pod.UID)),
		})
		if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) { // gone, or another by its name
			r.client.Event(ctx, rs, corev1.EventTypeWarning, "FailedDelete", "Error deleting: %v", err)
			return fmt.Errorf("delete pod %s: %w", pod.Name, err)
		}
		r.pods.Deleted(pod)
		r.client.Event(ctx, rs, corev1.EventTypeNormal, "SuccessfulDelete", "Deleted pod: %s", pod.Name)
		return nil
	})
}

// inTurns calls do for 0 to n-1, some of them at once, until one fails. What is under way then is not broken off: a
// request whose answer nobody waited for may have created a pod that nobody knows of.
func inTurns(n int, do func(i int) error) error {
	var (
		group  errgroup.Group
		failed atomic.Bool
	)
	group.SetLimit(inParallel)
	for i := 0; i < n && !failed.Load(); i++ {
		group.Go(func() error {
			err := do(i)
			if err != nil {
				failed.Store(true)
			}
			return err
		})
	}
	return group.Wait()
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
