package pods

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// The classes of pods are sibling cgroups, so that they are weighed against each other before the pods in them are.
var classes = map[corev1.PodQOSClass]string{
	corev1.PodQOSGuaranteed: "", corev1.PodQOSBurstable: "/burstable", corev1.PodQOSBestEffort: "/besteffort",
}

// CgroupParent is where the pod's cgroup lies below a node's.
func CgroupParent(root string, pod *corev1.Pod) string {
	return podCgroup(root, QOSClass(&pod.Spec), string(pod.UID))
}

func podCgroup(root string, class corev1.PodQOSClass, uid string) string {
	return root + "/pods" + classes[class] + "/pod" + uid
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

// podResources is the sum over a pod's containers. A limit holds for the pod only if every container has one.
func podResources(pod *corev1.Pod) *runtimeapi.LinuxContainerResources {
	requests, limits := corev1.ResourceList{}, corev1.ResourceList{}
	unlimited := map[corev1.ResourceName]bool{}
	for _, c := range pod.Spec.Containers {
		for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
			limit, limited := c.Resources.Limits[name]
			request, asked := c.Resources.Requests[name]
			if !asked {
				request = limit
			}
			unlimited[name] = unlimited[name] || !limited
			plus(requests, name, request)
			plus(limits, name, limit)
		}
	}
	for name, without := range unlimited {
		if without {
			delete(limits, name)
		}
	}
	return linuxResources(requests, limits)
}

func plus(list corev1.ResourceList, name corev1.ResourceName, more resource.Quantity) {
	sum := list[name]
	sum.Add(more)
	list[name] = sum
}

// The kernel kills the process with the highest score first when memory runs out. Guaranteed pods go last,
// and among burstable ones those go first that asked for the smallest share of the node's memory.
const (
	scoreGuaranteed = -997
	scoreBestEffort = 1000
)

func oomScore(pod *corev1.Pod, c *corev1.Container, nodeMemory int64) int64 {
	switch QOSClass(&pod.Spec) {
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
