package access

import (
	"fmt"

	"kubelab/kube/component"
)

// nodeLeases is the namespace in which each node renews its Lease.
const nodeLeases = "kube-node-lease"

// authorizeNode decides for a kubelet: what all of them may do, and what each may do to what is its own or its pods'.
// A kubelet is what an intruder reaches first, for other people's programs run beside it.
func (p *Policy) authorizeNode(node string, r Request) (bool, string) {
	may := false
	for _, grant := range p.parts[NodePrefix].grants {
		if !grant.covers(r) {
			continue
		}
		if isOf(grant.Of, node, r) {
			return true, "nodes may " + r.Verb + " " + r.object()
		}
		may = true
	}
	if may {
		return false, fmt.Sprintf("node %s may only %s what is its own or its pods', not %s", node, r.Verb, r.object())
	}
	return false, fmt.Sprintf("nodes may not %s %s", r.Verb, r.object())
}

// isOf says whether what a request is about has a relation to a node.
func isOf(relation component.Relation, node string, r Request) bool {
	switch relation {
	case component.OwnName:
		return r.Name == node || isNew(r)
	case component.OwnPods:
		return r.NodeName == node || r.Relations != nil && r.Relations.PodIsOn(node, r.Namespace, r.Name)
	case component.OwnPodsNeeds:
		return r.Namespace != "" && r.Name != "" && r.Relations != nil && r.Relations.PodNeeds(node, r.Resource, r.Namespace, r.Name)
	}
	return relation == component.Anybodys
}
