package access

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	rbac "k8s.io/api/rbac/v1"
)

const (
	coordination   = "coordination.k8s.io"
	nodeLeases     = "kube-node-lease" // the namespace in which each node renews its Lease
	discoveryGroup = "discovery.k8s.io"
	stepsPath      = "/kubelab/steps"
)

// authorizeNode decides for a kubelet: what all of them may do, and what each may do to what is its own or its pods'.
// A kubelet is what an intruder reaches first, for other people's programs run beside it.
func authorizeNode(node string, r Request) (bool, string) {
	if Allows(nodeRules, r) {
		return true, "nodes may " + r.Verb + " " + r.object()
	}
	mine, fresh := false, r.Verb == "create" && r.Name == "" // the name of a new object stands in its body
	switch {
	case Allows(ownNodeRules, r):
		mine = r.Name == node || fresh
	case Allows(ownLeaseRules, r):
		mine = r.Namespace == nodeLeases && (r.Name == node || fresh)
	case Allows(ownPodRules, r):
		mine = r.NodeName == node || r.Relations != nil && r.Relations.PodIsOn(node, r.Namespace, r.Name)
	case Allows(neededRules, r):
		mine = r.Name != "" && r.Relations != nil && r.Relations.PodNeeds(node, r.Resource, r.Namespace, r.Name)
	default:
		return false, fmt.Sprintf("nodes may not %s %s", r.Verb, r.object())
	}
	if !mine {
		return false, fmt.Sprintf("node %s may only %s what is its own or its pods', not %s", node, r.Verb, r.object())
	}
	return true, "its own"
}

var (
	nodeRules = []rbac.PolicyRule{
		writeEvents, stepMode,
		{Verbs: reading, APIGroups: core, Resources: []string{"services"}}, // a container is told where the API is
		{Verbs: []string{"post"}, NonResourceURLs: []string{stepsPath}},
	}
	ownNodeRules = []rbac.PolicyRule{
		{Verbs: append(reading, "create", "update", "patch"), APIGroups: core, Resources: []string{"nodes", "nodes/status"}},
	}
	ownLeaseRules = []rbac.PolicyRule{
		{Verbs: []string{"get", "create", "update", "patch"}, APIGroups: []string{coordination}, Resources: []string{"leases"}},
	}
	ownPodRules = []rbac.PolicyRule{
		{Verbs: append(reading, "delete"), APIGroups: core, Resources: []string{"pods"}},
		{Verbs: []string{"update", "patch"}, APIGroups: core, Resources: []string{"pods/status"}},
	}
	neededRules = []rbac.PolicyRule{{Verbs: reading, APIGroups: core, Resources: []string{"configmaps", "secrets"}}}
)

// RestrictNode says what a kubelet may not do to its own Node: change its taints, or set the labels by which others
// trust it. A node that was broken into must not draw pods to itself. old is nil on create.
func RestrictNode(user string, groups []string, old, new *corev1.Node) error {
	if !strings.HasPrefix(user, nodePrefix) || !IsComponent(user, groups) {
		return nil
	}
	if old == nil {
		old = &corev1.Node{Spec: corev1.NodeSpec{Taints: new.Spec.Taints}}
	}
	if !slices.EqualFunc(old.Spec.Taints, new.Spec.Taints, func(a, b corev1.Taint) bool { return a.MatchTaint(&b) && a.Value == b.Value }) {
		return fmt.Errorf("%s may not change its own taints", user)
	}
	kept := func(labels map[string]string) map[string]string {
		labels = maps.Clone(labels)
		maps.DeleteFunc(labels, func(name, _ string) bool { return !trusted(name) })
		return labels
	}
	if before, after := kept(old.Labels), kept(new.Labels); !maps.Equal(before, after) {
		return fmt.Errorf("%s may not change its own labels of trust from %v to %v", user, before, after)
	}
	return nil
}

// trusted says whether a label is Kubernetes' own and not one of those by which a node describes itself.
func trusted(label string) bool {
	domain, _, _ := strings.Cut(label, "/")
	if slices.Contains([]string{corev1.LabelHostname, corev1.LabelArchStable, corev1.LabelOSStable}, label) ||
		slices.Contains([]string{"topology.kubernetes.io", "node.kubernetes.io", "kubelet.kubernetes.io"}, domain) {
		return false
	}
	return strings.HasSuffix("."+domain, ".kubernetes.io") || strings.HasSuffix("."+domain, ".k8s.io")
}
