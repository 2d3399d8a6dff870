package access

import (
	"strings"
	"testing"

	rbac "k8s.io/api/rbac/v1"
)

// ask is a request of the form "verb [namespace/]resource[/subresource] [name]" or "verb /path".
func ask(user string, groups []string, verb, group, resource, namespace, name string) Request {
	resource, subresource, _ := strings.Cut(resource, "/")
	return Request{User: user, Groups: groups, Verb: verb, Group: group, Resource: resource, Subresource: subresource, Namespace: namespace, Name: name}
}

func expect(t *testing.T, wanted bool, r Request) {
	t.Helper()
	if allowed, reason := Authorize(r); allowed != wanted {
		t.Errorf("%s %s %s: allowed=%t (%s), want %t", r.User, r.Verb, r.object(), allowed, reason, wanted)
	}
}

var (
	node1 = []string{NodesGroup, AuthenticatedGroup}
	known = []string{AuthenticatedGroup}
)

func TestMastersMayDoEverything(t *testing.T) {
	expect(t, true, ask(AdminUser, []string{MastersGroup}, "delete", "apps", "deployments", "shop", "web"))
	expect(t, true, Request{User: AdminUser, Groups: []string{MastersGroup}, Verb: "get", Path: "/metrics"})
}

func TestWhatNoRuleAllowsIsRefusedWithWhoWantedWhat(t *testing.T) {
	allowed, reason := Authorize(ask("ada", known, "get", "", "secrets", "shop", "key"))
	if allowed || reason != "no rule allows ada to get secrets key in shop" {
		t.Errorf("got %t, %q", allowed, reason)
	}
}

func TestAStrangerSeesOnlyHealthAndVersion(t *testing.T) {
	stranger := []string{UnauthenticatedGroup}
	for path, wanted := range map[string]bool{
		"/healthz": true, "/readyz": true, "/livez": true, "/version": true, "/readyz/etcd": true,
		"/": false, "/api": false, "/openapi/v3": false, stepsPath: false, "/healthzzz": false,
	} {
		expect(t, wanted, Request{User: AnonymousUser, Groups: stranger, Verb: "get", Path: path})
	}
	expect(t, false, ask(AnonymousUser, stranger, "list", "", "pods", "", ""))
}

func TestWhoeverIsKnownMayDiscoverTheAPIAndAskWhatTheyMay(t *testing.T) {
	expect(t, true, Request{User: "ada", Groups: known, Verb: "get", Path: "/apis/apps/v1"})
	expect(t, true, ask("ada", known, "create", "authorization.k8s.io", "selfsubjectaccessreviews", "", ""))
	expect(t, false, ask("ada", known, "list", "", "pods", "shop", ""))
}

func TestAKubeletWritesOnlyItsOwnNodeAndLease(t *testing.T) {
	lease := func(namespace, name string) Request {
		return ask("system:node:node-1", node1, "update", coordination, "leases", namespace, name)
	}
	expect(t, true, ask("system:node:node-1", node1, "patch", "", "nodes/status", "", "node-1"))
	expect(t, false, ask("system:node:node-1", node1, "patch", "", "nodes/status", "", "node-2"))
	expect(t, true, ask("system:node:node-1", node1, "create", "", "nodes", "", ""))
	expect(t, false, ask("system:node:node-1", node1, "create", "", "nodes", "", "node-2"))
	expect(t, false, ask("system:node:node-1", node1, "delete", "", "nodes", "", "node-1"))
	expect(t, true, lease(nodeLeases, "node-1"))
	expect(t, false, lease(nodeLeases, "node-2"))
	expect(t, false, lease("kube-system", "node-1"))
}

func TestAKubeletTouchesOnlyPodsThatRunOnItsNode(t *testing.T) {
	where := map[string]string{"web-1": "node-1", "web-2": "node-2"}
	for pod, wanted := range map[string]bool{"web-1": true, "web-2": false} {
		for verb, resource := range map[string]string{"delete": "pods", "patch": "pods/status"} {
			r := ask("system:node:node-1", node1, verb, "", resource, "shop", pod)
			r.PodIsOn = func(node, namespace, pod string) bool { return namespace == "shop" && where[pod] == node }
			expect(t, wanted, r)
		}
	}
	expect(t, false, ask("system:node:node-1", node1, "update", "", "pods", "shop", "web-1"))
	expect(t, false, ask("system:node:node-1", node1, "create", "", "pods/exec", "shop", "web-1"))
}

func TestACertificateThatOnlyNamesANodeIsNoNode(t *testing.T) {
	expect(t, false, ask("system:node:node-1", known, "get", "", "secrets", "shop", "key"))
}

func TestTheProxyCannotReadSecretsAndTheSchedulerCannotMakeDeployments(t *testing.T) {
	expect(t, true, ask(ProxyUser, known, "watch", discoveryGroup, "endpointslices", "", ""))
	expect(t, false, ask(ProxyUser, known, "list", "", "secrets", "", ""))
	expect(t, true, ask(SchedulerUser, known, "create", "", "pods/binding", "shop", "web-1"))
	expect(t, false, ask(SchedulerUser, known, "create", "apps", "deployments", "shop", ""))
	expect(t, true, ask(ControllersUser, known, "update", "apps", "deployments/status", "shop", "web"))
}

func TestARuleForAResourceDoesNotCoverItsSubresources(t *testing.T) {
	rules := []rbac.PolicyRule{{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"pods", "*/scale"}}}
	for resource, wanted := range map[string]bool{"pods": true, "pods/log": false, "pods/scale": true, "services": false} {
		if got := Allows(rules, ask("ada", nil, "get", "", resource, "shop", "web")); got != wanted {
			t.Errorf("get %s: %t, want %t", resource, got, wanted)
		}
	}
}

func TestARuleWithNamesCoversOnlyThoseObjects(t *testing.T) {
	rules := []rbac.PolicyRule{{Verbs: []string{"*"}, APIGroups: []string{"*"}, Resources: []string{"*"}, ResourceNames: []string{"web"}}}
	for name, wanted := range map[string]bool{"web": true, "db": false, "": false} {
		if got := Allows(rules, ask("ada", nil, "get", "", "pods", "shop", name)); got != wanted {
			t.Errorf("get pod %q: %t, want %t", name, got, wanted)
		}
	}
}

func TestOnlyPartsOfTheClusterAreBelievedAboutCauses(t *testing.T) {
	for user, wanted := range map[string]bool{SchedulerUser: true, APIServerUser: true, AdminUser: false, "system:node:x": false} {
		if got := IsComponent(user, known); got != wanted {
			t.Errorf("%s: %t, want %t", user, got, wanted)
		}
	}
	if !IsComponent("system:node:node-1", node1) {
		t.Error("a kubelet is a part of the cluster")
	}
}
