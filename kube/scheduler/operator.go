package scheduler

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	listers "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"

	"kubelab/kube/operator"
	"kubelab/kube/trace"
)

// inFlight is how many binds may be under way. Decisions are made one at a time.
const inFlight = 32

type scheduler struct {
	client *operator.Client
	pods   listers.PodLister
	loop   *operator.Loop
	state  *state
	synced []cache.DoneChecker // the state has taken in all that was there at the start
}

// New makes the loop that finds nodes for pods. The caller syncs client's watches and runs it.
func New(client *operator.Client) (*operator.Loop, error) {
	core := client.Watches.Core().V1()
	s := &scheduler{client: client, pods: core.Pods().Lister(), state: newState()}
	s.loop = operator.NewLoop(loop, inFlight, client, s.reconcile)
	return s.loop, errors.Join(
		s.follow(core.Namespaces().Informer(), onChange(s.namespaceChanged, nil)),
		s.follow(core.Nodes().Informer(), onChange(s.nodeChanged, s.nodeGone)),
		s.follow(core.Pods().Informer(), onChange(s.podChanged, s.podGone)))
}

func (s *scheduler) follow(watch cache.SharedIndexInformer, handler cache.ResourceEventHandler) error {
	registration, err := watch.AddEventHandler(handler)
	if err == nil {
		s.synced = append(s.synced, registration.HasSyncedChecker())
	}
	return err
}

// reconcile finds a node for one pod.
func (s *scheduler) reconcile(ctx context.Context, key operator.Key) error {
	// A node looks empty until its pods are counted.
	for _, all := range s.synced {
		select {
		case <-all.Done():
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	pod, err := s.pods.Pods(key.Namespace).Get(key.Name)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	decision, decided := s.state.decide(pod)
	switch {
	case !decided:
		return nil
	case decision.Node == "":
		return s.explain(trace.Decided(ctx, decision.Shown()), pod, decision.Message())
	}
	return s.bind(trace.Decided(ctx, decision.Shown()), pod, decision)
}

// bind writes the decision. The pod counts on its node already; that is taken back when it is certain that nothing was written.
func (s *scheduler) bind(ctx context.Context, pod *corev1.Pod, decision Decision) error {
	ctx = trace.Because(ctx, "%s", decision.Reason())
	err := s.client.CoreV1().Pods(pod.Namespace).Bind(ctx, &corev1.Binding{
		ObjectMeta: metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID},
		Target:     corev1.ObjectReference{Kind: "Node", Name: decision.Node},
	}, metav1.CreateOptions{})
	if err == nil {
		s.client.Event(ctx, pod, corev1.EventTypeNormal, "Scheduled",
			"Successfully assigned %s/%s to %s", pod.Namespace, pod.Name, decision.Node)
		return nil
	}
	s.state.doubt(pod.UID)
	if bound, lookErr := s.settle(ctx, pod, err); bound || lookErr != nil {
		return lookErr
	}
	return fmt.Errorf("bind pod %s to %s: %w", pod.Name, decision.Node, err)
}

// settle finds out what became of a bind that returned an error, and says whether there is nothing more to do. As long as the
// write may still happen, the pod counts on its node, and the same bind comes again.
func (s *scheduler) settle(ctx context.Context, pod *corev1.Pod, bindErr error) (bound bool, err error) {
	now, err := s.client.CoreV1().Pods(pod.Namespace).Get(ctx, pod.Name, metav1.GetOptions{})
	switch causes := trace.Causes(ctx); {
	case apierrors.IsNotFound(err) || err == nil && now.UID != pod.UID:
		s.wake(s.state.gone(pod), causes...)
		return true, nil
	case err != nil:
		return false, fmt.Errorf("see whether pod %s is bound: %w", pod.Name, err)
	case now.Spec.NodeName != "":
		s.wake(s.state.placed(now), causes...)
		return true, nil
	case operator.Refused(bindErr):
		s.wake(s.state.takeBack(pod.UID), causes...)
	}
	return false, nil
}

// explain tells whoever waits for the pod why it has no node: as a condition and as an event.
func (s *scheduler) explain(ctx context.Context, pod *corev1.Pod, message string) error {
	s.client.Event(ctx, pod, corev1.EventTypeWarning, "FailedScheduling", "%s", message)
	condition := corev1.PodCondition{
		Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable, Message: message,
		LastTransitionTime: metav1.NewTime(time.Now()), ObservedGeneration: pod.Generation,
	}
	for _, before := range pod.Status.Conditions {
		if before.Type == condition.Type && before.Status == condition.Status {
			if before.Reason == condition.Reason && before.Message == message {
				return nil
			}
			condition.LastTransitionTime = before.LastTransitionTime
		}
	}
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"uid": pod.UID},
		"status":   map[string]any{"conditions": []corev1.PodCondition{condition}},
	})
	if err != nil {
		return fmt.Errorf("say why pod %s has no node: %w", pod.Name, err)
	}
	ctx = trace.Because(ctx, "%s", message)
	_, err = s.client.CoreV1().Pods(pod.Namespace).Patch(ctx, pod.Name, types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status")
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		return fmt.Errorf("say why pod %s has no node: %w", pod.Name, err)
	}
	return nil
}

// wake puts pods that waited into the queue, in their order.
func (s *scheduler) wake(pods []*corev1.Pod, causes ...trace.ID) {
	for _, pod := range pods {
		s.loop.Add(operator.Self(pod)[0], causes...)
	}
}
