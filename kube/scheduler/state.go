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
	assumed map[types.UID]*assumption // what counts on a node and the watch has not shown there yet
}

// assumption is a pod that counts on the node which was chosen for it.
type assumption struct {
	Decision
	unsure bool // the write of the decision failed in a way that does not tell whether it happened
}

func newState() *state {
	return &state{cluster: NewCluster(), waiting: map[types.UID]*Pod{}, assumed: map[types.UID]*assumption{}}
}

// decide plans for a pod. From then on it either counts on the chosen node or waits. A decision that may have been written, or
// not, is returned again: to write it twice does no harm, and another could put the pod where it is not. It returns false if
// there is nothing to decide.
func (s *state) decide(pod *corev1.Pod) (Decision, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if pod.Spec.NodeName != "" || pod.DeletionTimestamp != nil || api.PodEnded(pod) {
		return Decision{}, false
	}
	if a := s.assumed[pod.UID]; a != nil && a.unsure {
		return a.Decision, true
	}
	if s.cluster.Has(pod.UID) {
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
	s.assumed[pod.UID] = &assumption{Decision: decision}
	return decision, true
}

// takeBack undoes a decision that was not written. One that the watch has shown meanwhile was.
func (s *state) takeBack(uid types.UID) []*corev1.Pod {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.assumed[uid] == nil {
		return nil
	}
	return s.without(uid)
}

// doubt keeps a decision of which it is not known whether it was written: the pod counts on its node until that is known.
func (s *state) doubt(uid types.UID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.assumed[uid]; a != nil {
		a.unsure = true
	}
}

// placed takes in a pod that got a node. It may be the company that another waits for.
func (s *state) placed(pod *corev1.Pod) []*corev1.Pod {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.waiting, pod.UID)
	delete(s.assumed, pod.UID)
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
	delete(s.assumed, uid)
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
