package replicationcontrollers

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	listers "k8s.io/client-go/listers/core/v1"

	"kubelab/kube/operator"
	"kubelab/kube/replicasets"
	"kubelab/kube/trace"
)

// workers is how many ReplicationControllers are worked on at once.
const workers = 4

type reconciler struct {
	client      *operator.Client
	controllers listers.ReplicationControllerLister
	pods        *operator.Children[*corev1.ReplicationController, *corev1.Pod]
	loop        *operator.Loop
}

// New makes the loop that keeps the pods of ReplicationControllers. The caller syncs client's watches and runs it.
func New(client *operator.Client) (*operator.Loop, error) {
	controllers, pods := client.Watches.Core().V1().ReplicationControllers(), client.Watches.Core().V1().Pods().Informer()
	children, err := operator.NewChildren(client, pods, operator.Ownership[*corev1.ReplicationController, *corev1.Pod]{
		Kind: corev1.SchemeGroupVersion.WithKind("ReplicationController"), Child: "pod", Selector: selectorOf,
		Owners: func(namespace string) operator.Getter[*corev1.ReplicationController] {
			return client.CoreV1().ReplicationControllers(namespace)
		},
		Children: func(namespace string) operator.Writer[*corev1.Pod] { return client.CoreV1().Pods(namespace) },
	})
	if err != nil {
		return nil, err
	}
	r := &reconciler{client: client, controllers: controllers.Lister(), pods: children}
	r.loop = operator.NewLoop(Loops[0], workers, client, r.reconcile)
	return r.loop, errors.Join(
		operator.Follow(r.loop, controllers.Informer(), operator.Self[*corev1.ReplicationController]),
		operator.Follow(r.loop, pods, children.Concerned(controllers.Informer().GetIndexer())))
}

func (r *reconciler) reconcile(ctx context.Context, key operator.Key) error {
	rc, err := r.controllers.ReplicationControllers(key.Namespace).Get(key.Name)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	status, again, failure := replicasets.Keep(ctx, r.pods, rc, asReplicaSet(rc))
	if again > 0 {
		r.loop.After(key, again, "minReadySeconds over")
	}
	return errors.Join(failure, r.report(ctx, rc, statusOf(status)))
}

// report writes the status, if it says something new.
func (r *reconciler) report(ctx context.Context, rc *corev1.ReplicationController, status corev1.ReplicationControllerStatus) error {
	if equality.Semantic.DeepEqual(rc.Status, status) {
		return nil
	}
	ctx = trace.Because(ctx, "%d pods, %d ready, %d available", status.Replicas, status.ReadyReplicas, status.AvailableReplicas)
	changed := rc.DeepCopy()
	changed.Status = status
	if _, err := r.client.CoreV1().ReplicationControllers(rc.Namespace).UpdateStatus(ctx, changed, metav1.UpdateOptions{}); err != nil {
		return fmt.Errorf("report on %s: %w", rc.Name, err)
	}
	return nil
}
