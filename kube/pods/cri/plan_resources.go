package cri

import (
	"maps"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	podresource "k8s.io/component-helpers/resource"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/api"
	"kubelab/kube/api/podspec"
	"kubelab/kube/containers"
)

// Classes are sibling cgroups, so that they are weighed against each other before the pods in them are.
var Classes = map[corev1.PodQOSClass]string{
	corev1.PodQOSGuaranteed: "", corev1.PodQOSBurstable: "/burstable", corev1.PodQOSBestEffort: "/besteffort",
}

// CgroupParent is where the pod's cgroup lies below a node's.
func CgroupParent(root string, pod *corev1.Pod) string {
	return PodCgroup(root, podspec.QOSClass(&pod.Spec), string(pod.UID))
}

// PodCgroup is the cgroup of a pod of which only class and UID are known.
func PodCgroup(root string, class corev1.PodQOSClass, uid string) string {
	return ClassCgroup(root, class) + "/pod" + uid
}

// ClassCgroup is what the cgroups of all pods of a class lie in.
func ClassCgroup(root string, class corev1.PodQOSClass) string {
	return root + "/pods" + Classes[class]
}

// The kernel's units of CPU: shares are a weight, 1024 for one CPU; a quota is the time of each period.
const (
	sharesPerCPU = 1024
	minShares    = 2
	quotaPeriod  = 100_000 // microseconds
	minQuota     = 1_000
)

// linuxResources says requests and limits in the kernel's terms. A request is a weight, a limit is a wall.
func linuxResources(requests, limits corev1.ResourceList) *runtimeapi.LinuxContainerResources {
	r := &runtimeapi.LinuxContainerResources{CpuShares: minShares}
	cpu, asked := requests[corev1.ResourceCPU]
	if !asked {
		cpu = limits[corev1.ResourceCPU]
	}
	r.CpuShares = max(cpu.MilliValue()*sharesPerCPU/1000, minShares)
	if limit := limits.Cpu().MilliValue(); limit > 0 {
		r.CpuPeriod, r.CpuQuota = quotaPeriod, max(limit*quotaPeriod/1000, minQuota)
	}
	r.MemoryLimitInBytes = limits.Memory().Value()
	return r
}

// podResources is what all containers of a pod together ask for and may have: their sum, or what an init container needs
// before them, if that is more, and the pod's overhead. A limit holds for the pod only if every container has one.
func podResources(pod *corev1.Pod) *runtimeapi.LinuxContainerResources {
	limits := podresource.PodLimits(pod, podresource.PodResourcesOptions{})
	for _, c := range podspec.Members(&pod.Spec) {
		maps.DeleteFunc(limits, func(name corev1.ResourceName, _ resource.Quantity) bool {
			limit := c.Resources.Limits[name]
			return limit.IsZero() && c.Role != podspec.Ephemeral
		})
	}
	return linuxResources(podresource.PodRequests(pod, podresource.PodResourcesOptions{}), limits)
}

// podPidsLimit is how many processes and threads a pod may have. Real clusters often have as many; upstream's own
// default is no limit. It is far below what the smallest machine can have, so that one pod does not stop all others.
const podPidsLimit = 4096

// PodLimits are the limits of a pod's cgroup.
func PodLimits(pod *corev1.Pod) containers.Resources {
	r := podResources(pod)
	return containers.Resources{
		CPUShares: uint64(r.CpuShares), CPUQuota: r.CpuQuota, CPUPeriod: uint64(r.CpuPeriod), MemoryLimit: r.MemoryLimitInBytes,
		PidsLimit: podPidsLimit,
	}
}

// ClassLimits is the weight of a class's cgroup: burstable pods together weigh what they ask for, the others next to nothing.
func ClassLimits(class corev1.PodQOSClass, onNode []*corev1.Pod) containers.Resources {
	var cpu resource.Quantity
	for _, pod := range onNode {
		if !api.PodEnded(pod) && podspec.QOSClass(&pod.Spec) == class {
			requests := podresource.PodRequests(pod, podresource.PodResourcesOptions{})
			cpu.Add(*requests.Cpu())
		}
	}
	r := linuxResources(corev1.ResourceList{corev1.ResourceCPU: cpu}, nil)
	return containers.Resources{CPUShares: uint64(r.CpuShares)}
}

// The kernel kills the process with the highest score first when memory runs out. Guaranteed pods go last,
// and among burstable ones those go first that asked for the smallest share of the node's memory.
const (
	scoreGuaranteed = -997
	scoreBestEffort = 1000
)

// unified are settings that only cgroup v2 has. When a process goes over its container's limit, all of the container ends,
// as a program that lost one of its processes without knowing is worse than one that is started anew.
func unified(node Node) map[string]string {
	if !node.CgroupV2 {
		return nil
	}
	return map[string]string{"memory.oom.group": "1"}
}

func oomScore(pod *corev1.Pod, c *corev1.Container, nodeMemory int64) int64 {
	switch podspec.QOSClass(&pod.Spec) {
	case corev1.PodQOSGuaranteed:
		return scoreGuaranteed
	case corev1.PodQOSBestEffort:
		return scoreBestEffort
	}
	if nodeMemory <= 0 {
		return scoreBestEffort - 1
	}
	request := c.Resources.Requests.Memory().Value()
	return min(max(1000-1000*request/nodeMemory, 1000+scoreGuaranteed), scoreBestEffort-1)
}
