package podspec

import (
	"fmt"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// Capacity is what a node has: what a container without a limit may use.
type Capacity struct {
	CPU    int64 // in thousandths of a CPU
	Memory int64 // in bytes
}

// MetadataField is what a field of a pod's metadata says, by its path. It returns false for a path that is none of these.
func MetadataField(pod *corev1.Pod, path string) (string, bool) {
	parent, key, subscripted := SplitSubscript(path)
	switch {
	case subscripted && parent == "metadata.labels":
		return pod.Labels[key], true
	case subscripted && parent == "metadata.annotations":
		return pod.Annotations[key], true
	}
	switch path {
	case "metadata.name":
		return pod.Name, true
	case "metadata.namespace":
		return pod.Namespace, true
	case "metadata.uid":
		return string(pod.UID), true
	}
	return "", false
}

// ResourceField is a request or limit of a container, in units of the divisor, rounded up. What has no limit may
// use all of the node.
func ResourceField(pod *corev1.Pod, c *corev1.Container, ref *corev1.ResourceFieldSelector, node Capacity) (string, error) {
	if ref.ContainerName != "" {
		named := Find(&pod.Spec, ref.ContainerName)
		if named == nil {
			return "", fmt.Errorf("container %s not found", ref.ContainerName)
		}
		c = named.Container
	}
	list, name, _ := strings.Cut(ref.Resource, ".")
	resources := map[string]corev1.ResourceList{"limits": c.Resources.Limits, "requests": c.Resources.Requests}[list]
	amount, found := resources[corev1.ResourceName(name)]
	if !found && list == "limits" {
		amount = map[string]resource.Quantity{
			"cpu": *resource.NewMilliQuantity(node.CPU, resource.DecimalSI), "memory": *resource.NewQuantity(node.Memory, resource.BinarySI),
		}[name]
	}
	divisor := ref.Divisor
	if divisor.IsZero() {
		divisor = resource.MustParse("1")
	}
	if name == "cpu" {
		return strconv.FormatInt(ceil(amount.MilliValue(), divisor.MilliValue()), 10), nil
	}
	return strconv.FormatInt(ceil(amount.Value(), divisor.Value()), 10), nil
}

func ceil(a, b int64) int64 { return (a + b - 1) / b }
