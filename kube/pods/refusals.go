//go:build linux

package pods

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"kubelab/kube/api"
	"kubelab/kube/operator"
	"kubelab/kube/pods/refusal"
)

// refuse decides, once for each pod, whether the node takes it. What was begun has been taken, be it by a kubelet before this one.
func (o *Operator) refuse(ctx context.Context, l *life, pod *corev1.Pod, have Current) (*refusal.Refusal, error) {
	o.taking.Lock() // of two pods that want the same port one is first
	defer o.taking.Unlock()
	begun := hasBegun(pod) || len(have.Sandboxes)+len(have.Containers) > 0
	if l.taken || l.refusal != nil || begun || pod.DeletionTimestamp != nil {
		l.taken = l.taken || begun && l.refusal == nil
		return l.refusal, nil
	}
	taken, err := o.taken()
	if err != nil {
		return nil, err
	}
	node, err := o.nodes.Get(o.node.Name)
	if err == nil && refusal.Of(pod, node, taken) != nil {
		// That is final, and a scheduler may know the node better than its own watch does.
		node, err = o.client.CoreV1().Nodes().Get(ctx, o.node.Name, metav1.GetOptions{})
	}
	if err != nil {
		return nil, fmt.Errorf("look whether there is room for pod %s/%s: %w", pod.Namespace, pod.Name, err)
	}
	if len(node.Status.Allocatable) == 0 {
		return nil, fmt.Errorf("node %s has not said yet what it has to give", node.Name)
	}
	l.refusal = refusal.Of(pod, node, taken)
	l.taken = l.refusal == nil
	return l.refusal, nil
}

// hasBegun is whether the status says that a kubelet has taken up the pod.
func hasBegun(pod *corev1.Pod) bool { return pod.Status.StartTime != nil }

// taken are the pods that have their place on the node.
func (o *Operator) taken() ([]*corev1.Pod, error) {
	bound, err := o.pods.List(labels.Everything())
	if err != nil {
		return nil, err
	}
	var taken []*corev1.Pod
	for _, pod := range bound {
		if l := o.remembered(operator.Self(pod)[0], pod.UID); l != nil {
			pod = l.newer(pod) // what it gave back may be spoken for already
			if l.isGone() || !l.taken && !hasBegun(pod) {
				continue
			}
		} else if !hasBegun(pod) {
			continue
		}
		if !api.PodEnded(pod) {
			taken = append(taken, pod)
		}
	}
	return taken, nil
}
