package scheduler

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

var (
	whyRepelled     = []string{"node(s) didn't satisfy existing pods anti-affinity rules"}
	whyAntiAffinity = []string{"node(s) didn't match pod anti-affinity rules"}
	whyAffinity     = []string{"node(s) didn't match pod affinity rules"}
)

// term is one line of (anti-)affinity: pods like these, within one domain of the topology.
type term struct {
	topology   string // the label whose value names a node's domain
	selector   labels.Selector
	namespaces []string
	among      labels.Selector // namespaces by label, beside those by name
	weight     int64           // of a preferred term
}

// domain is a part of the topology: the zone "a".
type domain struct{ topology, value string }

func newTerms(pod *corev1.Pod, declared []corev1.PodAffinityTerm) []term {
	var terms []term
	for _, t := range declared {
		terms = append(terms, newTerm(pod, t, 0))
	}
	return terms
}

// newTerm reads a term of the given pod. One without namespaces means the pod's own.
func newTerm(pod *corev1.Pod, t corev1.PodAffinityTerm, weight int64) term {
	selector, err := metav1.LabelSelectorAsSelector(t.LabelSelector)
	if err != nil {
		selector = labels.Nothing() // validation lets none in
	}
	among, err := metav1.LabelSelectorAsSelector(t.NamespaceSelector)
	if err != nil {
		among = labels.Nothing()
	}
	namespaces := t.Namespaces
	if len(namespaces) == 0 && t.NamespaceSelector == nil {
		namespaces = []string{pod.Namespace}
	}
	return term{t.TopologyKey, selector, namespaces, among, weight}
}

// means says whether the term is about the given pod.
func (t term) means(pod *corev1.Pod, c *Cluster) bool {
	return t.inNamespace(pod.Namespace, c) && t.selector.Matches(labels.Set(pod.Labels))
}

func (t term) inNamespace(name string, c *Cluster) bool {
	if slices.Contains(t.namespaces, name) {
		return true
	}
	known := c.namespaces[name]
	return known != nil && t.among.Matches(known.labels)
}

// domains counts, by domain, the pods that the term is about.
func (t term) domains(c *Cluster) map[string]int64 {
	counts := map[string]int64{}
	for name, in := range c.namespaces {
		if !t.inNamespace(name, c) {
			continue
		}
		for _, pod := range in.pods {
			if at, ok := pod.node.domain(t.topology); ok && t.selector.Matches(labels.Set(pod.Labels)) {
				counts[at.value]++
			}
		}
	}
	return counts
}

// domain is the part of the topology that the node is in.
func (n *Node) domain(topology string) (domain, bool) {
	if n.Node == nil {
		return domain{}, false
	}
	value, ok := n.Labels[topology]
	return domain{topology, value}, ok
}

// checkPodAffinity: the pod near those that it needs, away from those that it cannot stand, and away from
// those that cannot stand it.
func checkPodAffinity(pod *Pod, c *Cluster) check {
	closed := map[domain]bool{} // by pods that are there
	for _, other := range c.repelling {
		for _, t := range other.repels {
			if at, ok := other.node.domain(t.topology); ok && t.means(pod.Pod, c) {
				closed[at] = true
			}
		}
	}
	if len(closed) == 0 && len(pod.attracts) == 0 && len(pod.repels) == 0 {
		return nil
	}
	near := newCompany(pod.attracts, c)
	far := newCompany(pod.repels, c)
	alone := near.nobody() && !slices.ContainsFunc(pod.attracts, func(t term) bool { return !t.means(pod.Pod, c) })
	keys := topologies(closed)
	return func(node *Node) []string {
		for topology := range keys {
			if at, ok := node.domain(topology); ok && closed[at] {
				return whyRepelled
			}
		}
		if far.some(node) {
			return whyAntiAffinity
		}
		if !near.all(node, alone) {
			return whyAffinity
		}
		return nil
	}
}

func topologies(domains map[domain]bool) map[string]bool {
	keys := map[string]bool{}
	for d := range domains {
		keys[d.topology] = true
	}
	return keys
}

// company is where the pods are that some terms are about.
type company struct {
	terms  []term
	counts []map[string]int64 // by term, then by domain
}

func newCompany(terms []term, c *Cluster) company {
	found := company{terms: terms}
	for _, t := range terms {
		found.counts = append(found.counts, t.domains(c))
	}
	return found
}

// nobody says whether no pod anywhere is meant by any term.
func (f company) nobody() bool {
	return !slices.ContainsFunc(f.counts, func(counts map[string]int64) bool { return len(counts) > 0 })
}

// some says whether the node shares a domain with a pod that a term is about.
func (f company) some(node *Node) bool {
	for i, t := range f.terms {
		if at, ok := node.domain(t.topology); ok && f.counts[i][at.value] > 0 {
			return true
		}
	}
	return false
}

// all says whether the node shares a domain with a pod of each term. The first of a group of pods that
// want to be near each other finds nobody, and may go to any node that is in some domain.
func (f company) all(node *Node, first bool) bool {
	for i, t := range f.terms {
		if at, ok := node.domain(t.topology); !ok || f.counts[i][at.value] == 0 && !first {
			return false
		}
	}
	return true
}

// ratePodAffinity adds, for each pod near by that a preferred term is about, the term's weight, and takes
// it away for anti-affinity.
func ratePodAffinity(pod *Pod, c *Cluster) rating {
	var terms []term
	if a := pod.Spec.Affinity; a != nil && a.PodAffinity != nil {
		for _, t := range a.PodAffinity.PreferredDuringSchedulingIgnoredDuringExecution {
			terms = append(terms, newTerm(pod.Pod, t.PodAffinityTerm, int64(t.Weight)))
		}
	}
	if a := pod.Spec.Affinity; a != nil && a.PodAntiAffinity != nil {
		for _, t := range a.PodAntiAffinity.PreferredDuringSchedulingIgnoredDuringExecution {
			terms = append(terms, newTerm(pod.Pod, t.PodAffinityTerm, -int64(t.Weight)))
		}
	}
	if len(terms) == 0 {
		return nil
	}
	found := newCompany(terms, c)
	return func(node *Node) (sum int64) {
		for i, t := range terms {
			if at, ok := node.domain(t.topology); ok {
				sum += t.weight * found.counts[i][at.value]
			}
		}
		return sum
	}
}
