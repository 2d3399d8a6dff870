package component

import (
	"slices"
	"strings"

	rbac "k8s.io/api/rbac/v1"
)

// Right is something that a component may do: verbs on resources of one API group, or on paths.
type Right struct {
	Verbs     []string
	Group     string   // of the API: "" is core, "*" is all
	Resources []string // "pods", "pods/status"; "*" is all resources, but none of their subresources
	Names     []string // of the only objects that it may do this to; also of those that it creates
	Namespace string   // the only one where it may do this; empty: everywhere
	Paths     []string // instead of resources
	Of        Relation
	// Metadata narrows it to what every object has outside of its kind: it reads nothing but metadata, also in the answer to a write, and
	// of that it changes whose an object is, and what holds it.
	Metadata bool
	Reason   string // why it must be all of something
}

// Relation narrows a right of what runs on a node to what that node has to do with.
type Relation string

// The relations.
const (
	Anybodys     Relation = ""
	OwnName      Relation = "has the node's name"
	OwnPods      Relation = "is a pod of the node"
	OwnPodsNeeds Relation = "is named by a pod of the node"
)

// May is the right to do what verbs says, such as "list watch", to resources of an API group.
func May(verbs, group string, resources ...string) Right {
	return Right{Verbs: strings.Fields(verbs), Group: group, Resources: resources}
}

// Named narrows a right to objects of these names.
func (r Right) Named(names ...string) Right {
	r.Names = names
	return r
}

// In narrows a right to a namespace.
func (r Right) In(namespace string) Right {
	r.Namespace = namespace
	return r
}

// Only narrows a right to what a node has to do with.
func (r Right) Only(relation Relation) Right {
	r.Of = relation
	return r
}

// OnlyMetadata narrows a right to metadata.
func (r Right) OnlyMetadata() Right {
	r.Metadata = true
	return r
}

// Because says why a right must be all of something.
func (r Right) Because(reason string) Right {
	r.Reason = reason
	return r
}

// Everything says whether the right is one to all verbs or all resources.
func (r Right) Everything() bool {
	return slices.Contains(r.Verbs, "*") || slices.Contains(r.Resources, "*") || r.Group == "*"
}

// Rule is the right as a rule of RBAC, which knows neither namespaces nor relations.
func (r Right) Rule() rbac.PolicyRule {
	if len(r.Paths) > 0 {
		return rbac.PolicyRule{Verbs: r.Verbs, NonResourceURLs: r.Paths}
	}
	return rbac.PolicyRule{Verbs: r.Verbs, APIGroups: []string{r.Group}, Resources: r.Resources, ResourceNames: r.Names}
}

// StepMode names the ConfigMap in kube-system that holds loops.
const StepMode = "step-mode"

const system = "kube-system"

// WriteEvents is the right of a component that tells of something by an Event. The same one again counts up the first.
var WriteEvents = May("create patch", "", "events")

// What goes with being a client, with having loops, and with being one of many copies.
var (
	giveSteps    = Right{Verbs: []string{"post"}, Paths: []string{"/kubelab/steps"}}
	obeyStepMode = May("list watch", "", "configmaps").Named(StepMode).In(system)
)

// stand are the rights of who stands for election. The Lease's namespace may not be there yet.
func stand(lease string) []Right {
	return []Right{
		May("get", "", "namespaces").Named(system),
		May("get create update", "coordination.k8s.io", "leases").Named(lease).In(system),
	}
}
