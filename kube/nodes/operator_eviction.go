package nodes

import (
	"context"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corelisters "k8s.io/client-go/listers/core/v1"

	"kubelab/kube/operator"
	"kubelab/kube/trace"
)

// evictor moves pods off nodes that they do not tolerate, and clears away those of nodes that are gone.
type evictor struct {
	client *operator.Client
	nodes  corelisters.NodeLister
	pods   corelisters.PodLister
	loop   *operator.Loop
	absent absences
}

func (e *evictor) reconcile(ctx context.Context, key operator.Key) error {
	pod, err := e.pods.Pods(key.Namespace).Get(key.Name)
	if err != nil || pod.Spec.NodeName == "" {
		return nil // it is gone, or not here yet
	}
	now := time.Now()
	n, err := e.nodes.Get(pod.Spec.NodeName)
	if apierrors.IsNotFound(err) {
		return e.collect(ctx, pod, now)
	}
	e.absent.end(n.Name)
	plan := PlanEviction(pod, n.Spec.Taints)
	if !plan.Evict {
		return nil
	}
	if wait := plan.At.Sub(now); wait > 0 {
		e.loop.After(key, wait, "the pod's toleration ran out")
		return nil
	}
	ctx = trace.Because(because(ctx, n.ResourceVersion), "pod %s %s", pod.Name, plan.Why)
	if err := e.remove(ctx, pod, nil); err != nil {
		return err
	}
	e.client.Event(ctx, pod, corev1.EventTypeNormal, "TaintManagerEviction", "Marking for deletion Pod %s/%s", pod.Namespace, pod.Name)
	return nil
}

// collect removes a pod whose node does not exist: nobody is there to end it. A node that comes back at once, as
// after a mistake, finds its pods as they were.
func (e *evictor) collect(ctx context.Context, pod *corev1.Pod, now time.Time) error {
	node := pod.Spec.NodeName
	if wait := e.absent.since(node, now).Add(Grace).Sub(now); wait > 0 {
		e.loop.After(operator.Key{Namespace: pod.Namespace, Name: pod.Name}, wait, fmt.Sprintf("node %s was gone for %s", node, Grace))
		return nil
	}
	_, err := e.client.CoreV1().Nodes().Get(ctx, node, metav1.GetOptions{})
	if !apierrors.IsNotFound(err) {
		return err
	}
	return e.remove(trace.Because(ctx, "node %s does not exist", node), pod, new(int64(0)))
}

func (e *evictor) remove(ctx context.Context, pod *corev1.Pod, grace *int64) error {
	err := e.client.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, metav1.DeleteOptions{
		GracePeriodSeconds: grace, Preconditions: &metav1.Preconditions{UID: &pod.UID},
	})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// absences are the nodes that pods name and that are not there, and since when.
type absences struct {
	mu    sync.Mutex
	nodes map[string]time.Time
}

func (a *absences) since(node string, now time.Time) time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.nodes == nil {
		a.nodes = map[string]time.Time{}
	}
	if _, noted := a.nodes[node]; !noted {
		a.nodes[node] = now
	}
	return a.nodes[node]
}

func (a *absences) end(node string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.nodes, node)
}
