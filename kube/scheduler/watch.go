package scheduler

import (
	"maps"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/cache"

	"kubelab/kube/api"
	"kubelab/kube/operator"
	"kubelab/kube/trace"
)

// onChange makes a watch's handler of two functions. before is nil for an object that is new; gone may be nil.
func onChange[T any](changed func(before, now T), gone func(T)) cache.ResourceEventHandler {
	return cache.ResourceEventHandlerFuncs{
		AddFunc: func(obj any) {
			var none T
			changed(none, obj.(T))
		},
		UpdateFunc: func(before, now any) { changed(before.(T), now.(T)) },
		DeleteFunc: func(obj any) {
			if tombstone, ok := obj.(cache.DeletedFinalStateUnknown); ok {
				obj = tombstone.Obj
			}
			if o, ok := obj.(T); ok && gone != nil {
				gone(o)
			}
		},
	}
}

func (s *scheduler) namespaceChanged(_, namespace *corev1.Namespace) {
	s.wake(s.state.setNamespace(namespace), trace.Wrote(namespace.ResourceVersion))
}

func (s *scheduler) nodeChanged(_, node *corev1.Node) {
	s.wake(s.state.setNode(node), trace.Wrote(node.ResourceVersion))
}

func (s *scheduler) nodeGone(node *corev1.Node) {
	s.wake(s.state.removeNode(node.Name), trace.Wrote(node.ResourceVersion))
}

func (s *scheduler) podChanged(before, pod *corev1.Pod) {
	switch {
	case api.PodEnded(pod):
		s.podGone(pod) // it takes nothing any more
	case pod.Spec.NodeName != "" && (before == nil || before.Spec.NodeName == ""):
		s.wake(s.state.placed(pod), trace.Wrote(pod.ResourceVersion))
	case pod.Spec.NodeName != "":
		if !sameNeeds(before, pod) {
			s.wake(s.state.resized(pod), trace.Wrote(pod.ResourceVersion))
		}
	case len(pod.Spec.SchedulingGates) > 0: // it is not to be given a node yet
	case pod.DeletionTimestamp == nil && pod.Spec.SchedulerName == corev1.DefaultSchedulerName:
		if before == nil || !sameNeeds(before, pod) {
			s.loop.Add(operator.Self(pod)[0], trace.Wrote(pod.ResourceVersion))
		}
	}
}

// sameNeeds says whether nothing changed that a rule looks at: the spec is what a generation counts. What the scheduler
// itself writes into a status is not that.
func sameNeeds(before, now *corev1.Pod) bool {
	return before.Generation == now.Generation && maps.Equal(before.Labels, now.Labels)
}

func (s *scheduler) podGone(pod *corev1.Pod) {
	s.wake(s.state.gone(pod), trace.Wrote(pod.ResourceVersion))
}
