package scheduler

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	scheduling "k8s.io/component-helpers/scheduling/corev1"
	"k8s.io/component-helpers/scheduling/corev1/nodeaffinity"
	"k8s.io/klog/v2"
)

// What the rules say, in upstream's words.
var (
	whyUnschedulable = []string{"node(s) were unschedulable"}
	whyNodeAffinity  = []string{"node(s) didn't match Pod's node affinity/selector"}
	whyPorts         = []string{"node(s) didn't have free ports for the requested pod ports"}
)

// checkSchedulable: a node that was cordoned takes no new pods, but for those that tolerate that.
func checkSchedulable(pod *Pod, _ *Cluster) check {
	cordoned := &corev1.Taint{Key: corev1.TaintNodeUnschedulable, Effect: corev1.TaintEffectNoSchedule}
	if tolerates(pod, cordoned) {
		return nil
	}
	return func(node *Node) []string {
		if node.cordoned {
			return whyUnschedulable
		}
		return nil
	}
}

func tolerates(pod *Pod, taint *corev1.Taint) bool {
	return scheduling.TolerationsTolerateTaint(klog.Logger{}, pod.Spec.Tolerations, taint, true)
}

// checkTaints: a taint keeps out every pod that does not tolerate it.
func checkTaints(pod *Pod, _ *Cluster) check {
	texts := map[corev1.Taint][]string{} // many nodes have the same
	return func(node *Node) []string {
		for i := range node.taints {
			taint := &node.taints[i]
			if taint.Effect == corev1.TaintEffectPreferNoSchedule || tolerates(pod, taint) {
				continue
			}
			same := corev1.Taint{Key: taint.Key, Value: taint.Value}
			if texts[same] == nil {
				texts[same] = []string{fmt.Sprintf("node(s) had untolerated taint {%s: %s}", taint.Key, taint.Value)}
			}
			return texts[same]
		}
		return nil
	}
}

// checkNodeAffinity: the pod's nodeSelector and required node affinity. This is also how a DaemonSet's pod names its node.
func checkNodeAffinity(pod *Pod, _ *Cluster) check {
	affinity := pod.Spec.Affinity
	if len(pod.Spec.NodeSelector) == 0 && (affinity == nil || affinity.NodeAffinity == nil ||
		affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution == nil) {
		return nil
	}
	required := nodeaffinity.GetRequiredNodeAffinity(pod.Pod)
	return func(node *Node) []string {
		if ok, err := required.Match(node.Node); err != nil || !ok {
			return whyNodeAffinity
		}
		return nil
	}
}

// checkPorts: a port of the node itself belongs to one pod at a time.
func checkPorts(pod *Pod, _ *Cluster) check {
	if len(pod.ports) == 0 {
		return nil
	}
	return func(node *Node) []string {
		for _, wanted := range pod.ports {
			for _, taken := range node.ports {
				if wanted.Collides(taken) {
					return whyPorts
				}
			}
		}
		return nil
	}
}

// checkResources: what the pods of a node request must not be more than what the node has to give. What they really use does not matter.
func checkResources(pod *Pod, _ *Cluster) check {
	wanted := pod.requests
	return func(node *Node) []string {
		if node.pods < node.maxPods && enough(wanted.CPU, node.requested.CPU, node.allocatable.CPU) &&
			enough(wanted.Memory, node.requested.Memory, node.allocatable.Memory) && len(wanted.Other) == 0 {
			return nil
		}
		return lacking(wanted, node)
	}
}

func enough(wanted, requested, allocatable int64) bool {
	return wanted == 0 || wanted <= allocatable-requested
}

// lacking names all that the node has too little of.
func lacking(wanted Resources, node *Node) []string {
	var why []string
	if node.pods >= node.maxPods {
		why = append(why, "Too many pods")
	}
	if !enough(wanted.CPU, node.requested.CPU, node.allocatable.CPU) {
		why = append(why, "Insufficient cpu")
	}
	if !enough(wanted.Memory, node.requested.Memory, node.allocatable.Memory) {
		why = append(why, "Insufficient memory")
	}
	for name, amount := range wanted.Other {
		if !enough(amount, node.requested.Other[name], node.allocatable.Other[name]) {
			why = append(why, "Insufficient "+string(name))
		}
	}
	return why
}
