//go:build linux

package pods

import (
	"context"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/strategicpatch"

	"kubelab/kube/operator"
	"kubelab/kube/trace"
)

// write tells the API server what has changed in a pod's status, and people the news in it.
func (o *Operator) write(ctx context.Context, l *life, pod *corev1.Pod, status corev1.PodStatus) error {
	for _, n := range news(pod, status) {
		o.eventAbout(ctx, pod, n.Container, n.Type, n.Reason, n.Message)
	}
	patch, err := statusPatch(pod, status)
	if err != nil {
		return err
	}
	ctx = trace.Because(ctx, "%s", summary(pod.Status, status))
	written, err := o.client.CoreV1().Pods(pod.Namespace).Patch(ctx, pod.Name, types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status")
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil // it is gone, or another pod has its name: the watch will say
	}
	if err != nil {
		return fmt.Errorf("write status of pod %s/%s: %w", pod.Namespace, pod.Name, err)
	}
	l.wrote(written)
	if written.DeletionTimestamp != nil && written.ResourceVersion != pod.ResourceVersion {
		// The end of a pod goes on from what was written: do not wait for the watch to come round.
		o.loop.Add(operator.Self(pod)[0], trace.Wrote(written.ResourceVersion))
	}
	return nil
}

// statusPatch is the difference, bound to this very pod. A strategic merge leaves alone conditions of others.
func statusPatch(pod *corev1.Pod, status corev1.PodStatus) ([]byte, error) {
	before, err := json.Marshal(corev1.Pod{Status: pod.Status})
	if err != nil {
		return nil, err
	}
	after, err := json.Marshal(corev1.Pod{ObjectMeta: metav1.ObjectMeta{UID: pod.UID}, Status: status})
	if err != nil {
		return nil, err
	}
	return strategicpatch.CreateTwoWayMergePatch(before, after, corev1.Pod{})
}
