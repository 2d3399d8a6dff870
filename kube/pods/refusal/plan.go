package refusal

import (
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/component-helpers/resource"
	scheduling "k8s.io/component-helpers/scheduling/corev1"
	"k8s.io/component-helpers/scheduling/corev1/nodeaffinity"
	"k8s.io/klog/v2"

	"kubelab/kube/api/podspec"
	"kubelab/kube/sysctls"
)

// Refusal is why a node does not take a pod: in a word, which becomes the reason of the pod's status, and in a sentence.
type Refusal struct{ Reason, Message string }

// Of looks whether a node can take a pod beside those that it has taken. A scheduler has looked already, but not at every pod: who names the
// node in the pod's spec asks no scheduler. And between its look and this one the node may have changed. The words are upstream's.
func Of(pod *corev1.Pod, node *corev1.Node, taken []*corev1.Pod) *Refusal {
	for _, rule := range []func(*corev1.Pod, *corev1.Node, []*corev1.Pod) *Refusal{
		refuseForSysctls, refuseForResources, refuseForAffinity, refuseForPorts, refuseForTaints,
	} {
		if refusal := rule(pod, node, taken); refusal != nil {
			return refusal
		}
	}
	return nil
}

// refuseForSysctls: of the kernel's parameters a pod may set those that are safe.
func refuseForSysctls(pod *corev1.Pod, _ *corev1.Node, _ []*corev1.Pod) *Refusal {
	if pod.Spec.SecurityContext == nil {
		return nil
	}
	for _, parameter := range pod.Spec.SecurityContext.Sysctls {
		if !sysctls.Safe(parameter.Name) {
			return &Refusal{"SysctlForbidden", fmt.Sprintf("forbidden sysctl: %q not allowlisted", sysctls.Dotted(parameter.Name))}
		}
	}
	return nil
}

// refuseForResources: what the node's pods ask for must not be more than it has to give. Of an extended resource that it has never heard of the
// kubelet does not speak: whoever lends it does.
func refuseForResources(pod *corev1.Pod, node *corev1.Node, taken []*corev1.Pod) *Refusal {
	has := node.Status.Allocatable
	if most := has.Pods().Value(); int64(len(taken)) >= most {
		return outOf(corev1.ResourcePods, 1, int64(len(taken)), most)
	}
	wanted := requestsOf(pod)
	for _, name := range inOrder(wanted) {
		amount, known := has[name]
		if !known && name != corev1.ResourceEphemeralStorage {
			continue
		}
		used := int64(0)
		for _, other := range taken {
			used += measure(name, requestsOf(other))
		}
		if asked, most := measure(name, wanted), measure(name, corev1.ResourceList{name: amount}); asked > 0 && asked > most-used {
			return outOf(name, asked, used, most)
		}
	}
	return nil
}

func requestsOf(pod *corev1.Pod) corev1.ResourceList {
	return resource.PodRequests(pod, resource.PodResourcesOptions{UseStatusResources: true})
}

// inOrder are the names of a list, CPU and memory first.
func inOrder(list corev1.ResourceList) []corev1.ResourceName {
	first := []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory, corev1.ResourceEphemeralStorage}
	names := slices.Sorted(maps.Keys(list))
	return append(first, slices.DeleteFunc(names, func(name corev1.ResourceName) bool { return slices.Contains(first, name) })...)
}

// measure is an amount in the unit in which it is counted: CPU in thousandths.
func measure(name corev1.ResourceName, list corev1.ResourceList) int64 {
	amount := list[name]
	if name == corev1.ResourceCPU {
		return amount.MilliValue()
	}
	return amount.Value()
}

func outOf(name corev1.ResourceName, requested, used, capacity int64) *Refusal {
	return &Refusal{"OutOf" + string(name), fmt.Sprintf("Node didn't have enough resource: %s, requested: %d, used: %d, capacity: %d",
		name, requested, used, capacity)}
}

func refuseForAffinity(pod *corev1.Pod, node *corev1.Node, _ []*corev1.Pod) *Refusal {
	if match, err := nodeaffinity.GetRequiredNodeAffinity(pod).Match(node); err == nil && match {
		return nil
	}
	return failed("NodeAffinity", "node(s) didn't match Pod's node affinity/selector")
}

func refuseForPorts(pod *corev1.Pod, _ *corev1.Node, taken []*corev1.Pod) *Refusal {
	for _, port := range podspec.HostPorts(&pod.Spec) {
		for _, other := range taken {
			if slices.ContainsFunc(podspec.HostPorts(&other.Spec), port.Collides) {
				return failed("NodePorts", "node(s) didn't have free ports for the requested pod ports")
			}
		}
	}
	return nil
}

// refuseForTaints: a taint that keeps pods from being scheduled does not keep out one that was bound. One that drives pods out does.
func refuseForTaints(pod *corev1.Pod, node *corev1.Node, _ []*corev1.Pod) *Refusal {
	drivesOut := func(taint *corev1.Taint) bool { return taint.Effect == corev1.TaintEffectNoExecute }
	_, found := scheduling.FindMatchingUntoleratedTaint(klog.Logger{}, node.Spec.Taints, pod.Spec.Tolerations, drivesOut, true)
	if !found {
		return nil
	}
	return failed("TaintToleration", "node(s) had taints that the pod didn't tolerate")
}

func failed(rule, why string) *Refusal {
	return &Refusal{rule, fmt.Sprintf("Predicate %s failed: %s", rule, why)}
}
