package access

import (
	"slices"
	"strings"

	rbac "k8s.io/api/rbac/v1"
)

// binding gives rules to a user or a group. Real Kubernetes keeps these as ClusterRoles and
// ClusterRoleBindings that it makes at the first start.
type binding struct {
	subject string
	rules   []rbac.PolicyRule
}

func (b binding) holds(user string, groups []string) bool {
	return user == b.subject || slices.Contains(groups, b.subject)
}

var (
	reading    = []string{"get", "list", "watch"}
	writing    = []string{"create", "update", "patch", "delete", "deletecollection"}
	everything = []string{"*"}
	core       = []string{""}

	leases      = rbac.PolicyRule{Verbs: append(reading, writing...), APIGroups: []string{coordination}, Resources: []string{"leases"}}
	writeEvents = rbac.PolicyRule{Verbs: []string{"create", "update", "patch"}, APIGroups: []string{"", "events.k8s.io"}, Resources: []string{"events"}}
	giveSteps   = rbac.PolicyRule{Verbs: []string{"post"}, NonResourceURLs: []string{stepsPath}}
	stepMode    = rbac.PolicyRule{Verbs: reading, APIGroups: core, Resources: []string{"configmaps"}, ResourceNames: []string{"step-mode"}}
)

// bindings is who may do what, beside the masters, who may do everything, and the nodes.
var bindings = []binding{
	{UnauthenticatedGroup, []rbac.PolicyRule{
		{Verbs: []string{"get"}, NonResourceURLs: []string{"/healthz", "/healthz/*", "/livez", "/livez/*", "/readyz", "/readyz/*", "/version", "/version/"}},
	}},
	{AuthenticatedGroup, []rbac.PolicyRule{
		{Verbs: []string{"get"}, NonResourceURLs: []string{
			"/healthz", "/healthz/*", "/livez", "/livez/*", "/readyz", "/readyz/*", "/version", "/version/",
			"/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*"}},
		{Verbs: []string{"create"}, APIGroups: []string{"authorization.k8s.io"}, Resources: []string{"selfsubjectaccessreviews", "selfsubjectrulesreviews"}},
		{Verbs: []string{"create"}, APIGroups: []string{"authentication.k8s.io"}, Resources: []string{"selfsubjectreviews"}},
	}},
	{SchedulerUser, []rbac.PolicyRule{
		leases, writeEvents, giveSteps, stepMode,
		{Verbs: reading, APIGroups: core, Resources: []string{"namespaces", "nodes", "pods"}},
		{Verbs: []string{"create"}, APIGroups: core, Resources: []string{"pods/binding"}},
		{Verbs: []string{"patch"}, APIGroups: core, Resources: []string{"pods/status"}},
	}},
	{ControllersUser, []rbac.PolicyRule{
		{Verbs: everything, APIGroups: everything, Resources: everything},
		{Verbs: everything, NonResourceURLs: everything},
	}},
	{ProxyUser, []rbac.PolicyRule{
		{Verbs: reading, APIGroups: []string{"", discoveryGroup}, Resources: []string{"nodes", "services", "endpointslices"}},
		writeEvents, giveSteps, stepMode,
	}},
	{MachineUser, []rbac.PolicyRule{giveSteps}},
	{DNSUser, []rbac.PolicyRule{
		{Verbs: reading, APIGroups: []string{"", discoveryGroup}, Resources: []string{"services", "endpointslices"}},
		writeEvents, giveSteps,
	}},
}

// speakers are the parts of the cluster, and the names by which each may speak in the causal record: the first is its own.
// The machine tells what its administrator did to it.
var speakers = map[string][]string{
	SchedulerUser: {"scheduler"}, ControllersUser: {"controllers"}, ProxyUser: {"proxy"}, DNSUser: {"dns"},
	APIServerUser: {"apiserver"}, MachineUser: {"machine", AdminUser},
}

// Components are the names by which a user may speak in the causal record, its own first. They are none for whoever is no
// part of the cluster. A kubelet speaks for the runtime, which does not know the API server, too.
func Components(user string, groups []string) []string {
	if _, isNode := nodeOf(user, groups); isNode {
		return []string{"kubelet", "runtime"}
	}
	return speakers[user]
}

// IsComponent says whether a user is a part of the cluster. Only those are believed when they say what
// caused a write.
func IsComponent(user string, groups []string) bool { return len(Components(user, groups)) > 0 }

// nodeOf is the node whose kubelet a user is.
func nodeOf(user string, groups []string) (string, bool) {
	node, named := strings.CutPrefix(user, nodePrefix)
	return node, named && slices.Contains(groups, NodesGroup)
}

// HostOf is where a part of the cluster runs, by its certificate: the node of a kubelet, else the first DNS name in it.
func HostOf(user string, groups, names []string) string {
	if node, isNode := nodeOf(user, groups); isNode {
		return node
	}
	if len(names) > 0 {
		return names[0]
	}
	return ""
}
