package scheduler

import (
	"math"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

var (
	whySpread  = []string{"node(s) didn't match pod topology spread constraints"}
	whyNoLabel = []string{"node(s) didn't match pod topology spread constraints (missing required label)"}
)

// spread is one topology spread constraint of a pod: no domain may have maxSkew pods more than the domain that has fewest.
type spread struct {
	topology string
	maxSkew  int64
	self     int64 // 1 if the pod itself is one of those that are counted
	counts   map[string]int64
	fewest   int64
}

// checkSpread: the constraints that must hold (DoNotSchedule).
func checkSpread(pod *Pod, c *Cluster) check {
	constraints := newSpreads(pod, c, corev1.DoNotSchedule)
	if len(constraints) == 0 {
		return nil
	}
	return func(node *Node) []string {
		for _, s := range constraints {
			value, ok := node.Labels[s.topology]
			if !ok {
				return whyNoLabel
			}
			if s.counts[value]+s.self-s.fewest > s.maxSkew {
				return whySpread
			}
		}
		return nil
	}
}

// rateSpread counts the pods in the node's domains, for the constraints that should hold
// (ScheduleAnyway). A node in no domain counts as fuller than any.
func rateSpread(pod *Pod, c *Cluster) rating {
	constraints := newSpreads(pod, c, corev1.ScheduleAnyway)
	if len(constraints) == 0 {
		return nil
	}
	return func(node *Node) (sum int64) {
		for _, s := range constraints {
			value, ok := node.Labels[s.topology]
			if !ok {
				sum += int64(len(c.pods)) + 1
				continue
			}
			sum += s.counts[value]
		}
		return sum
	}
}

func newSpreads(pod *Pod, c *Cluster, action corev1.UnsatisfiableConstraintAction) []spread {
	var spreads []spread
	for _, declared := range pod.Spec.TopologySpreadConstraints {
		if declared.WhenUnsatisfiable != action {
			continue
		}
		selector := spreadSelector(pod, declared)
		s := spread{topology: declared.TopologyKey, maxSkew: int64(declared.MaxSkew), counts: eligible(pod, declared, c)}
		if selector.Matches(labels.Set(pod.Labels)) {
			s.self = 1
		}
		for _, other := range c.podsIn(pod.Namespace) {
			if other.DeletionTimestamp != nil || !selector.Matches(labels.Set(other.Labels)) {
				continue
			}
			if at, ok := other.node.domain(s.topology); ok {
				if _, counted := s.counts[at.value]; counted {
					s.counts[at.value]++
				}
			}
		}
		s.fewest = fewest(s.counts, declared.MinDomains)
		spreads = append(spreads, s)
	}
	return spreads
}

// spreadSelector finds the pods that are counted: those that match, and have the pod's own values for matchLabelKeys.
func spreadSelector(pod *Pod, declared corev1.TopologySpreadConstraint) labels.Selector {
	selector, err := metav1.LabelSelectorAsSelector(declared.LabelSelector)
	if err != nil {
		return labels.Nothing() // validation lets none in
	}
	own := labels.Set{}
	for _, key := range declared.MatchLabelKeys {
		if value, ok := pod.Labels[key]; ok {
			own[key] = value
		}
	}
	more, _ := own.AsSelector().Requirements()
	return selector.Add(more...)
}

// eligible lists the domains that count, all at zero: those of nodes where the pod could go as far as its
// own node affinity is concerned and, if it says so, their taints.
func eligible(pod *Pod, declared corev1.TopologySpreadConstraint, c *Cluster) map[string]int64 {
	var affinity, taints check
	if p := declared.NodeAffinityPolicy; p == nil || *p == corev1.NodeInclusionPolicyHonor {
		affinity = checkNodeAffinity(pod, c)
	}
	if p := declared.NodeTaintsPolicy; p != nil && *p == corev1.NodeInclusionPolicyHonor {
		taints = checkTaints(pod, c)
	}
	domains := map[string]int64{}
	for _, node := range c.nodes {
		value, ok := node.Labels[declared.TopologyKey]
		if !ok || affinity != nil && affinity(node) != nil || taints != nil && taints(node) != nil {
			continue
		}
		domains[value] = 0
	}
	return domains
}

// fewest is how many pods the emptiest domain has. If there are fewer domains than wanted, one that is
// missing counts as the emptiest.
func fewest(counts map[string]int64, wanted *int32) int64 {
	if wanted != nil && len(counts) < int(*wanted) || len(counts) == 0 {
		return 0
	}
	least := int64(math.MaxInt64)
	for _, n := range counts {
		least = min(least, n)
	}
	return least
}
