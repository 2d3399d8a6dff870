package nodes

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"kubelab/kube/api"
)

type column = api.ColumnOf[*corev1.Node]

var columns = []column{
	{Name: "Status", Type: "string", Value: func(n *corev1.Node) any { return statusWords(n) }},
	{Name: "Roles", Type: "string", Value: func(n *corev1.Node) any { return api.Join(roles(n)) }},
	api.AgeColumn[*corev1.Node](),
	{Name: "Version", Type: "string", Value: func(n *corev1.Node) any { return n.Status.NodeInfo.KubeletVersion }},
	{Name: "Internal-IP", Type: "string", Wide: true, Value: func(n *corev1.Node) any { return address(n, corev1.NodeInternalIP) }},
	{Name: "External-IP", Type: "string", Wide: true, Value: func(n *corev1.Node) any { return address(n, corev1.NodeExternalIP) }},
	{Name: "OS-Image", Type: "string", Wide: true, Value: func(n *corev1.Node) any { return orUnknown(n.Status.NodeInfo.OSImage) }},
	{Name: "Kernel-Version", Type: "string", Wide: true, Value: func(n *corev1.Node) any { return orUnknown(n.Status.NodeInfo.KernelVersion) }},
	{Name: "Container-Runtime", Type: "string", Wide: true, Value: func(n *corev1.Node) any {
		return orUnknown(n.Status.NodeInfo.ContainerRuntimeVersion)
	}},
}

func statusWords(n *corev1.Node) string {
	word := "NotReady"
	switch status(n, corev1.NodeReady) {
	case corev1.ConditionTrue:
		word = "Ready"
	case "":
		word = "Unknown"
	}
	if n.Spec.Unschedulable {
		word += ",SchedulingDisabled"
	}
	return word
}

// roles are read off the node's labels: node-role.kubernetes.io/control-plane.
func roles(n *corev1.Node) []string {
	const prefix = "node-role.kubernetes.io/"
	var found []string
	for label, value := range n.Labels {
		if role, ok := strings.CutPrefix(label, prefix); ok && role != "" {
			found = append(found, role)
		} else if label == "kubernetes.io/role" && value != "" {
			found = append(found, value)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

func address(n *corev1.Node, kind corev1.NodeAddressType) string {
	for _, a := range n.Status.Addresses {
		if a.Type == kind {
			return a.Address
		}
	}
	return "<none>"
}

func orUnknown(text string) string {
	if text == "" {
		return "<unknown>"
	}
	return text
}
