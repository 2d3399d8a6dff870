package scheduler

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	scheduling "k8s.io/component-helpers/scheduling/corev1"

	"kubelab/kube/api"
)

// state is the cluster as the scheduler sees it, its own decisions included, and who waits. What changes it
// returns the waiting pods that this may help, in the order of priority.
type state struct {
	mu      sync.Mutex
	cluster *Cluster
	waiting map[types.UID]*Pod
}

func newState() *state { return &state{cluster: NewCluster(), waiting: map[types.UID]*Pod{}} }

// decide plans for a pod. From then on it either counts on the chosen node or waits. It returns false if there is nothing to decide.
func (s *state) decide(pod *corev1.Pod) (Decision, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if pod.Spec.NodeName != "" || pod.DeletionTimestamp != nil || api.PodEnded(pod) || s.cluster.Has(pod.UID) {
		return Decision{}, false
	}
	decision := Plan(pod, s.cluster)
	decision.Made = time.Now()
	if decision.Node == "" {
		s.waiting[pod.UID] = newPod(pod)
		return decision, true
	}
	delete(s.waiting, pod.UID)
	assumed := *pod
	assumed.Spec.NodeName = decision.Node
	s.cluster.AddPod(&assumed)
	return decision, true
}

// takeBack undoes a decision that could not be written.
func (s *state) takeBack(uid types.UID) []*corev1.Pod {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.without(uid)
}

// placed takes in a pod that got a node. It may be the company that another waits for.
func (s *state) placed(pod *corev1.Pod) []*corev1.Pod {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.waiting, pod.UID)
	s.cluster.AddPod(pod)
	return s.helped("")
}

// resized takes in a pod that may ask for less of its node than before.
func (s *state) resized(pod *corev1.Pod) []*corev1.Pod {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cluster.AddPod(pod)
	return s.helped(pod.Spec.NodeName)
}

// gone takes in that a pod takes nothing any more.
func (s *state) gone(pod *corev1.Pod) []*corev1.Pod {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.waiting, pod.UID)
	return s.without(pod.UID)
}

// without removes a pod. One that kept others out of a whole domain opens all its nodes.
func (s *state) without(uid types.UID) []*corev1.Pod {
	pod := s.cluster.RemovePod(uid)
	switch {
	case pod == nil:
		return nil
	case len(pod.repels) > 0:
		return inOrder(slices.Collect(maps.Values(s.waiting)))
	}
	return s.helped(pod.Spec.NodeName)
}

func (s *state) setNode(node *corev1.Node) []*corev1.Pod {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.cluster.SetNode(node) {
		return nil
	}
	return s.helped(node.Name)
}

func (s *state) removeNode(name string) []*corev1.Pod {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cluster.RemoveNode(name)
	return s.helped("")
}

func (s *state) setNamespace(namespace *corev1.Namespace) []*corev1.Pod {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cluster.SetNamespace(namespace.Name, labels.Set(namespace.Labels))
	return s.helped("")
}

// helped lists the waiting pods that a change may help: those that the given node (if any) can take now, and
// those whose rules look beyond one node, whom any change may help.
func (s *state) helped(node string) []*corev1.Pod {
	var pods []*Pod
	for _, pod := range s.waiting {
		if looksAround(pod) || s.cluster.fits(pod, node) {
			pods = append(pods, pod)
		}
	}
	return inOrder(pods)
}

func looksAround(pod *Pod) bool {
	affinity := pod.Spec.Affinity
	return len(pod.Spec.TopologySpreadConstraints) > 0 ||
		affinity != nil && (affinity.PodAffinity != nil || affinity.PodAntiAffinity != nil)
}

// inOrder sorts by priority; of equals, who waits longest comes first.
func inOrder(pods []*Pod) []*corev1.Pod {
	slices.SortFunc(pods, func(a, b *Pod) int {
		return cmp.Or(cmp.Compare(scheduling.PodPriority(b.Pod), scheduling.PodPriority(a.Pod)),
			a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name))
	})
	var objects []*corev1.Pod
	for _, pod := range pods {
		objects = append(objects, pod.Pod)
	}
	return objects
}
