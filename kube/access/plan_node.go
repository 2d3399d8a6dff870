package access

import (
	"fmt"

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
		mine = r.Namespace != "" && r.Name != "" && r.Relations != nil && r.Relations.PodNeeds(node, r.Resource, r.Namespace, r.Name)
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
