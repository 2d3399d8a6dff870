package scheduler

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/component-helpers/scheduling/corev1/nodeaffinity"
)

// rateFree prefers the node of which most is left: the mean of the free shares of CPU and memory.
func rateFree(pod *Pod, _ *Cluster) rating {
	return func(node *Node) int64 {
		cpu := percent(node.load.CPU+pod.load.CPU, node.allocatable.CPU)
		memory := percent(node.load.Memory+pod.load.Memory, node.allocatable.Memory)
		return 100 - (cpu+memory)/2
	}
}

// rateBalance prefers the node where CPU and memory would be used to the same degree: if one is used up, what is left of the other is of no use.
func rateBalance(pod *Pod, _ *Cluster) rating {
	return func(node *Node) int64 {
		cpu := percent(node.load.CPU+pod.load.CPU, node.allocatable.CPU)
		memory := percent(node.load.Memory+pod.load.Memory, node.allocatable.Memory)
		return 100 - max(cpu-memory, memory-cpu)
	}
}

// percent is how much of whole is used; never more than 100.
func percent(used, whole int64) int64 {
	if used >= whole {
		return 100
	}
	return 100 * used / whole
}

// rateSiblings counts the pods of the same controller, so that one node's death takes as few of them as possible.
func rateSiblings(pod *Pod, _ *Cluster) rating {
	if pod.owner == "" {
		return nil
	}
	return func(node *Node) int64 {
		if len(node.siblings) == 0 {
			return 0
		}
		return int64(node.siblings[pod.owner])
	}
}

// rateTaints counts the taints that would rather not have the pod.
func rateTaints(pod *Pod, _ *Cluster) rating {
	return func(node *Node) (n int64) {
		for i := range node.taints {
			if taint := &node.taints[i]; taint.Effect == corev1.TaintEffectPreferNoSchedule && !tolerates(pod, taint) {
				n++
			}
		}
		return n
	}
}

// rateNodeAffinity adds the weights of the preferred terms that the node matches.
func rateNodeAffinity(pod *Pod, _ *Cluster) rating {
	affinity := pod.Spec.Affinity
	if affinity == nil || affinity.NodeAffinity == nil || len(affinity.NodeAffinity.PreferredDuringSchedulingIgnoredDuringExecution) == 0 {
		return nil
	}
	terms, err := nodeaffinity.NewPreferredSchedulingTerms(affinity.NodeAffinity.PreferredDuringSchedulingIgnoredDuringExecution)
	if err != nil {
		return nil // validation lets none in
	}
	return func(node *Node) int64 { return terms.Score(node.Node) }
}
