package access_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	. "kubelab/kube/access"
	"kubelab/kube/access/rbac"
	"kubelab/kube/cluster"
	"kubelab/kube/component"
)

// policy is that of a cluster with all its parts.
var policy = func() *Policy {
	policy, err := NewPolicy(cluster.Declared)
	if err != nil {
		panic(err)
	}
	return policy
}()

// userOf is who a part of the cluster is.
func userOf(name string) string {
	c, _ := component.Named(cluster.Declared, name)
	return c.UserOn("")
}

const (
	coordination   = "coordination.k8s.io"
	discoveryGroup = "discovery.k8s.io"
	nodeLeases     = "kube-node-lease"
	stepsPath      = "/kubelab/steps"
)

var (
	reading = []string{"get", "list", "watch"}
	writing = []string{"create", "update", "patch", "delete", "deletecollection"}
)

// ask is a request of the form "verb [namespace/]resource[/subresource] [name]" or "verb /path".
func ask(user string, groups []string, verb, group, resource, namespace, name string) Request {
	resource, subresource, _ := strings.Cut(resource, "/")
	return Request{Attributes: rbac.Attributes{User: user, Groups: groups, Verb: verb, Group: group, Resource: resource, Subresource: subresource, Namespace: namespace, Name: name}}
}

func expect(t *testing.T, wanted bool, r Request) {
	t.Helper()
	if allowed, reason := policy.Authorize(r); allowed != wanted {
		t.Errorf("%s %s %s: allowed=%t (%s), want %t", r.User, r.Verb, fmt.Sprint(r.Resource, r.Subresource, r.Path, r.Name), allowed, reason, wanted)
	}
}

var (
	node1 = []string{NodesGroup, AuthenticatedGroup}
	known = []string{AuthenticatedGroup}
)

func TestMastersMayDoEverything(t *testing.T) {
	expect(t, true, ask(AdminUser, []string{MastersGroup}, "delete", "apps", "deployments", "shop", "web"))
	expect(t, true, Request{Attributes: rbac.Attributes{User: AdminUser, Groups: []string{MastersGroup}, Verb: "get", NonResource: true, Path: "/metrics"}})
}

func TestWhatNoRuleAllowsIsRefusedAndAPartOfTheClusterIsToldWhat(t *testing.T) {
	allowed, reason := policy.Authorize(ask("ada", known, "get", "", "secrets", "shop", "key"))
	if allowed || reason != "" {
		t.Errorf("got %t, %q", allowed, reason)
	}
	if _, reason := policy.Authorize(ask(userOf("dns"), known, "get", "", "secrets", "shop", "key")); reason != "no rule allows "+userOf("dns")+" to get secrets key in shop" {
		t.Errorf("a part of the cluster: got %q", reason)
	}
}

func TestAStrangerSeesOnlyHealthAndVersion(t *testing.T) {
	stranger := []string{UnauthenticatedGroup}
	for path, wanted := range map[string]bool{
		"/healthz": true, "/readyz": true, "/livez": true, "/version": true, "/readyz/etcd": true,
		"/": false, "/api": false, "/openapi/v3": false, stepsPath: false, "/healthzzz": false,
	} {
		expect(t, wanted, Request{Attributes: rbac.Attributes{User: AnonymousUser, Groups: stranger, Verb: "get", NonResource: true, Path: path}})
	}
	expect(t, false, ask(AnonymousUser, stranger, "list", "", "pods", "", ""))
}

func TestWhoeverIsKnownMayDiscoverTheAPIAndAskWhatTheyMay(t *testing.T) {
	expect(t, true, Request{Attributes: rbac.Attributes{User: "ada", Groups: known, Verb: "get", NonResource: true, Path: "/apis/apps/v1"}})
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

// relations are the pods of each node, and the Secrets and ConfigMaps that they name.
type relations map[string][]string

func (r relations) PodIsOn(node, namespace, pod string) bool {
	return slices.Contains(r[node], namespace+"/"+pod)
}

// PodNeeds finds a name in all namespaces where it is asked about none, as a prefix in a store does.
func (r relations) PodNeeds(node, resource, namespace, name string) bool {
	return slices.ContainsFunc(r[node], func(needed string) bool {
		return strings.HasPrefix(needed, resource+"/"+namespace) && strings.HasSuffix(needed, "/"+name)
	})
}

func TestAKubeletReadsOnlyWhatItsPodsNeed(t *testing.T) {
	has := relations{"node-1": {"shop/web-1", "secrets/shop/key", "configmaps/shop/colours"}}
	for _, c := range []struct {
		verb, resource, namespace, name, nodeName string
		want                                      bool
	}{
		{"get", "secrets", "shop", "key", "", true},
		{"watch", "secrets", "shop", "key", "", true},
		{"get", "configmaps", "shop", "colours", "", true},
		{"get", "secrets", "shop", "colours", "", false},
		{"get", "secrets", "shop", "other", "", false},
		{"list", "secrets", "shop", "", "", false},
		{"list", "secrets", "", "key", "", false},
		{"watch", "configmaps", "", "colours", "", false},
		{"update", "secrets", "shop", "key", "", false},
		{"watch", "configmaps", "kube-system", "step-mode", "", true},
		{"list", "pods", "", "", "node-1", true},
		{"list", "pods", "", "", "node-2", false},
		{"list", "pods", "", "", "", false},
		{"get", "pods", "shop", "web-1", "", true},
		{"get", "pods", "shop", "web-2", "", false},
		{"list", "nodes", "", "node-1", "", true},
		{"list", "nodes", "", "", "", false},
		{"list", "services", "", "", "", true},
		{"list", "namespaces", "", "", "", false},
	} {
		r := ask("system:node:node-1", node1, c.verb, "", c.resource, c.namespace, c.name)
		r.NodeName, r.Relations = c.nodeName, has
		expect(t, c.want, r)
	}
}

func TestANodeMayNotMakeItselfTrusted(t *testing.T) {
	node := func(taint string, labels ...string) *corev1.Node {
		n := &corev1.Node{Spec: corev1.NodeSpec{Taints: []corev1.Taint{{Key: taint}}}}
		n.Name, n.Labels = "node-1", map[string]string{}
		for _, label := range labels {
			n.Labels[label] = ""
		}
		return n
	}
	const role = "node-role.kubernetes.io/x"
	old := node("a", corev1.LabelHostname, role)
	ghost, ranged, owned := node("a", corev1.LabelHostname, role), node("a", corev1.LabelHostname, role), node("a", corev1.LabelHostname, role)
	ghost.Name, ranged.Spec.PodCIDR = "ghost", "10.244.1.0/24"
	owned.OwnerReferences = []metav1.OwnerReference{{Kind: "Pod", Name: "gone"}}
	for what, c := range map[string]struct {
		old, new *corev1.Node
		want     bool
	}{
		"nothing":                {old, old, true},
		"a label of its own":     {old, node("a", corev1.LabelHostname, role, "rack", corev1.LabelTopologyZone, "disk.node.kubernetes.io/fast"), true},
		"a role":                 {old, node("a", corev1.LabelHostname, role, "node-role.kubernetes.io/y"), false},
		"a role less":            {old, node("a", corev1.LabelHostname), false},
		"a restricted label":     {nil, node("a", "node-restriction.kubernetes.io/pci"), false},
		"another topology":       {nil, node("a", "topology.kubernetes.io/rack"), false},
		"another taint":          {old, node("b", corev1.LabelHostname, role), false},
		"a taint from the start": {nil, node("a", corev1.LabelHostname), true},
		"another name":           {nil, ghost, false},
		"addresses":              {old, ranged, false},
		"an owner that is gone":  {old, owned, false},
	} {
		before := any(c.old)
		if c.old == nil {
			before = nil
		}
		if err := policy.Restrict(Request{Attributes: rbac.Attributes{User: "system:node:node-1", Groups: node1}}, before, c.new); (err == nil) != c.want {
			t.Errorf("%s: got %v, want allowed %t", what, err, c.want)
		}
		if err := policy.Restrict(Request{Attributes: rbac.Attributes{User: AdminUser, Groups: known}}, before, c.new); err != nil {
			t.Errorf("%s, by a person: got %v", what, err)
		}
	}
}

func TestANodeHasNoAddressButThoseThatItsCertificateNames(t *testing.T) {
	own := []netip.Addr{netip.MustParseAddr("172.30.0.3"), netip.MustParseAddr("fd00::3")}
	node := func(kind corev1.NodeAddressType, address string) *corev1.Node {
		n := &corev1.Node{Status: corev1.NodeStatus{Addresses: []corev1.NodeAddress{{Type: kind, Address: address}}}}
		n.Name = "node-1"
		return n
	}
	for _, c := range []struct {
		kind    corev1.NodeAddressType
		address string
		want    bool
	}{
		{corev1.NodeInternalIP, "172.30.0.3", true},
		{corev1.NodeInternalIP, "fd00::3", true},
		{corev1.NodeExternalIP, "172.30.0.3", true},
		{corev1.NodeHostName, "node-1", true},
		{corev1.NodeInternalIP, "172.30.0.4", false}, // another node's
		{corev1.NodeInternalIP, "127.0.0.1", false},
		{corev1.NodeInternalIP, "169.254.169.254", false},
		{corev1.NodeInternalIP, "[::1]", false},
		{corev1.NodeInternalIP, "::ffff:172.30.0.4", false},
		{corev1.NodeInternalIP, "node-1", false},
		{corev1.NodeInternalIP, "", false},
		{corev1.NodeExternalIP, "172.30.0.4", false},
		{corev1.NodeHostName, "localhost", false},
		{corev1.NodeInternalDNS, "etcd.local", false},
		{"Other", "172.30.0.4", false},
	} {
		for what, old := range map[string]any{"a new one": nil, "an old one": node(corev1.NodeInternalIP, "172.30.0.3")} {
			if err := policy.Restrict(Request{Attributes: rbac.Attributes{User: "system:node:node-1", Groups: node1}, Addresses: own}, old, node(c.kind, c.address)); (err == nil) != c.want {
				t.Errorf("%s %q of %s: got %v, want allowed %t", c.kind, c.address, what, err, c.want)
			}
		}
	}
	if given := node(corev1.NodeExternalIP, "203.0.113.7"); policy.Restrict(Request{Attributes: rbac.Attributes{User: "system:node:node-1", Groups: node1}, Addresses: own}, given, given) != nil {
		t.Error("what somebody else has entered may not stay")
	}
}

func TestANodeWritesOnlyItsOwnLeaseAndItsOwnPods(t *testing.T) {
	lease := func(namespace, name string) *coordinationv1.Lease {
		return &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	}
	for _, c := range []struct {
		old, new any
		want     bool
	}{
		{nil, lease(nodeLeases, "node-1"), true},
		{nil, lease(nodeLeases, "node-2"), false},
		{nil, lease("default", "node-1"), false},
		{&corev1.Pod{Spec: corev1.PodSpec{NodeName: "node-1"}}, nil, true},
		{&corev1.Pod{Spec: corev1.PodSpec{NodeName: "node-2"}}, nil, false},
		{&corev1.Pod{}, &corev1.Pod{Spec: corev1.PodSpec{NodeName: "node-1"}}, false},
	} {
		if err := policy.Restrict(Request{Attributes: rbac.Attributes{User: "system:node:node-1", Groups: node1}}, c.old, c.new); (err == nil) != c.want {
			t.Errorf("from %v to %v: got %v, want allowed %t", c.old, c.new, err, c.want)
		}
	}
}

func TestNoPartOfTheClusterStepsIntoAContainer(t *testing.T) {
	for _, subresource := range []string{"exec", "attach", "portforward"} {
		expect(t, false, ask(userOf("controllers"), known, "create", "", "pods/"+subresource, "shop", "web-1"))
		expect(t, true, ask(AdminUser, []string{MastersGroup}, "create", "", "pods/"+subresource, "shop", "web-1"))
	}
}

func TestAKubeletTouchesOnlyPodsThatRunOnItsNode(t *testing.T) {
	for pod, wanted := range map[string]bool{"web-1": true, "web-2": false} {
		for verb, resource := range map[string]string{"delete": "pods", "patch": "pods/status"} {
			r := ask("system:node:node-1", node1, verb, "", resource, "shop", pod)
			r.Relations = relations{"node-1": {"shop/web-1"}, "node-2": {"shop/web-2"}}
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
	expect(t, true, ask(userOf("proxy"), known, "watch", discoveryGroup, "endpointslices", "", ""))
	expect(t, false, ask(userOf("proxy"), known, "list", "", "secrets", "", ""))
	expect(t, false, ask(userOf("scheduler"), known, "get", "", "secrets", "shop", "key"))
	expect(t, true, ask(userOf("scheduler"), known, "create", "", "pods/binding", "shop", "web-1"))
	expect(t, false, ask(userOf("scheduler"), known, "create", "apps", "deployments", "shop", ""))
	expect(t, true, ask(userOf("controllers"), known, "update", "apps", "deployments/status", "shop", "web"))
}

// does is what each part of the cluster does, by API group and resource. It is written a second time here, on purpose: whoever gives a
// part a right adds it here, and is seen to.
var does = map[string]map[string]string{
	"scheduler": {
		"namespaces": "list watch", "nodes": "list watch", "pods": "get list watch", "pods/binding": "create", "pods/status": "patch",
		"events": "create patch",
	},
	"controllers": {
		// The collector of garbage, and that of namespaces, reach all kinds, but see only metadata.
		"namespaces/finalize": "update", "namespaces/status": "update",
		// The rooms, each its own.
		"namespaces": "list watch", "configmaps": "list watch", "serviceaccounts": "list watch", "services": "list watch",
		"coordination.k8s.io/leases": "list watch",
		"pods":                       "list watch create patch delete", "pods/status": "update",
		"nodes": "get list watch update patch", "nodes/status": "update", "events": "create patch",
		"apps/replicasets": "get list watch create update patch delete", "apps/replicasets/status": "update",
		"apps/deployments": "get list watch patch", "apps/deployments/status": "update",
		"discovery.k8s.io/endpointslices": "list watch create update delete",
		"replicationcontrollers":          "get list watch", "replicationcontrollers/status": "update",
		"rbac.authorization.k8s.io/clusterroles": "list watch update", // what the API server lets it write is no gift: see Restrict
	},
	"proxy":   {"nodes": "list watch", "services": "list watch", "discovery.k8s.io/endpointslices": "list watch"},
	"dns":     {"services": "list watch", "discovery.k8s.io/endpointslices": "list watch"},
	"machine": {},
}

// resources are those of a cluster, and some that it does not have.
var resources = []string{
	"pods", "pods/status", "pods/binding", "pods/eviction", "pods/log", "pods/exec", "pods/attach", "pods/portforward", "pods/proxy",
	"pods/ephemeralcontainers", "pods/resize", "nodes", "nodes/status", "nodes/proxy", "services", "services/status", "services/proxy",
	"namespaces", "namespaces/status", "namespaces/finalize", "secrets", "configmaps", "events", "endpoints",
	"replicationcontrollers", "replicationcontrollers/status", "replicationcontrollers/scale", "serviceaccounts", "serviceaccounts/token", "persistentvolumes", "users", "groups",
	"apps/deployments", "apps/deployments/status", "apps/deployments/scale", "apps/replicasets", "apps/replicasets/status",
	"apps/replicasets/scale", "discovery.k8s.io/endpointslices", "coordination.k8s.io/leases",
	"rbac.authorization.k8s.io/clusterroles", "rbac.authorization.k8s.io/clusterrolebindings", "rbac.authorization.k8s.io/roles", "rbac.authorization.k8s.io/rolebindings",
	"certificates.k8s.io/certificatesigningrequests", "certificates.k8s.io/certificatesigningrequests/approval",
	"admissionregistration.k8s.io/validatingwebhookconfigurations", "apiextensions.k8s.io/customresourcedefinitions",
	"authentication.k8s.io/tokenreviews", "authorization.k8s.io/subjectaccessreviews",
}

func TestAPartOfTheClusterMayDoWhatItDoesAndNothingElse(t *testing.T) {
	for name, does := range does {
		for _, resource := range resources {
			group, plural := "", resource
			if i := strings.Index(resource, "/"); strings.Contains(resource[:max(i, 0)], ".") || strings.HasPrefix(resource, "apps/") {
				group, plural = resource[:i], resource[i+1:]
			}
			for _, verb := range append(slices.Concat(reading, writing), "impersonate", "bind", "escalate", "approve") {
				want := slices.Contains(strings.Fields(does[resource]), verb)
				expect(t, want, ask(userOf(name), known, verb, group, plural, "shop", "a"))
			}
		}
		expect(t, true, Request{Attributes: rbac.Attributes{User: userOf(name), Groups: known, Verb: "post", NonResource: true, Path: stepsPath}})
		expect(t, false, Request{Attributes: rbac.Attributes{User: userOf(name), Groups: known, Verb: "get", NonResource: true, Path: stepsPath}})
	}
}

func TestAPartOfTheClusterHoldsNoLeaseButItsOwn(t *testing.T) {
	for name, own := range map[string]string{"scheduler": "kube-scheduler", "controllers": "controllers", "proxy": "", "dns": ""} {
		for _, lease := range []string{"kube-scheduler", "controllers", "node-1"} {
			for _, namespace := range []string{"kube-system", nodeLeases} {
				expect(t, lease == own && namespace == "kube-system", ask(userOf(name), known, "update", "coordination.k8s.io", "leases", namespace, lease))
			}
			// A new object's name stands in its body.
			r := ask(userOf(name), known, "create", coordination, "leases", "kube-system", "")
			made := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: lease}}
			allowed, _ := policy.Authorize(r)
			if may := allowed && policy.Restrict(r, nil, made) == nil; may != (lease == own) {
				t.Errorf("%s creates the lease %s: %t", name, lease, may)
			}
		}
	}
}

func TestTheControllersMakeOneAccountAndOneConfigMapOfANamespaceAndNoOther(t *testing.T) {
	made := func(resource string, object metav1.Object) bool {
		r := ask(userOf("controllers"), known, "create", "", resource, "shop", "")
		allowed, _ := policy.Authorize(r)
		return allowed && policy.Restrict(r, nil, object) == nil
	}
	for name, want := range map[string]bool{"default": true, "root": false, "": false} {
		if got := made("serviceaccounts", &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name}}); got != want {
			t.Errorf("service account %q: %t", name, got)
		}
	}
	for name, want := range map[string]bool{"kube-root-ca.crt": true, "step-mode": false} {
		if got := made("configmaps", &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}}); got != want {
			t.Errorf("config map %q: %t", name, got)
		}
	}
}

func TestWhoClearsAwayReadsNoSecretAndChangesOnlyWhoseItIsAndWhatHoldsIt(t *testing.T) {
	for _, verb := range append(slices.Clone(reading), "patch", "delete", "deletecollection") { // the answer to a write is the object
		r := ask(userOf("controllers"), known, verb, "", "secrets", "shop", "key")
		expect(t, false, r)
		r.Metadata = true
		expect(t, true, r)
	}
	r := ask(userOf("controllers"), known, "patch", "", "secrets", "shop", "key")
	r.Metadata = true
	old := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "key", Finalizers: []string{"a.example/b"}}, Data: map[string][]byte{"a": nil}}
	for what, c := range map[string]struct {
		edit func(*corev1.Secret)
		want bool
	}{
		"a finalizer": {func(s *corev1.Secret) { s.Finalizers = nil }, true},
		"an owner":    {func(s *corev1.Secret) { s.OwnerReferences = []metav1.OwnerReference{{Name: "x"}} }, true},
		"a label":     {func(s *corev1.Secret) { s.Labels = map[string]string{"a": "b"} }, false},
		"its data":    {func(s *corev1.Secret) { s.Data["a"] = []byte("b") }, false},
	} {
		changed := old.DeepCopy()
		c.edit(changed)
		if err := policy.Restrict(r, old, changed); (err == nil) != c.want {
			t.Errorf("%s: got %v, want allowed %t", what, err, c.want)
		}
	}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "a", Labels: map[string]string{"a": "b"}}}
	if err := policy.Restrict(ask(userOf("controllers"), known, "patch", "", "pods", "shop", "a"), &corev1.Pod{}, pod); err != nil {
		t.Errorf("a pod, which ReplicaSets patch, too: %v", err)
	}
}

func TestARuleOfAPersonIsNotHeldAgainstTheirObjects(t *testing.T) {
	r := ask("ada", known, "create", "", "configmaps", "shop", "")
	if err := policy.Restrict(r, nil, &corev1.ConfigMap{}); err != nil {
		t.Error(err)
	}
}

func TestARuleForAResourceDoesNotCoverItsSubresources(t *testing.T) {
	rules := []rbacv1.PolicyRule{{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"pods", "*/scale"}}}
	for resource, wanted := range map[string]bool{"pods": true, "pods/log": false, "pods/scale": true, "services": false} {
		if got := rbac.Allow(rules, ask("ada", nil, "get", "", resource, "shop", "web").Attributes); got != wanted {
			t.Errorf("get %s: %t, want %t", resource, got, wanted)
		}
	}
}

func TestARuleWithNamesCoversOnlyThoseObjects(t *testing.T) {
	rules := []rbacv1.PolicyRule{{Verbs: []string{"*"}, APIGroups: []string{"*"}, Resources: []string{"*"}, ResourceNames: []string{"web"}}}
	for name, wanted := range map[string]bool{"web": true, "db": false, "": false} {
		if got := rbac.Allow(rules, ask("ada", nil, "get", "", "pods", "shop", name).Attributes); got != wanted {
			t.Errorf("get pod %q: %t, want %t", name, got, wanted)
		}
	}
}

func TestOnlyPartsOfTheClusterAreBelievedAboutCauses(t *testing.T) {
	for user, wanted := range map[string]bool{userOf("scheduler"): true, APIServerUser: true, AdminUser: false, "system:node:x": false} {
		if got := policy.IsComponent(user, known); got != wanted {
			t.Errorf("%s: %t, want %t", user, got, wanted)
		}
	}
	if !policy.IsComponent("system:node:node-1", node1) {
		t.Error("a kubelet is a part of the cluster")
	}
}

func TestANodeTellsOfWhatHappensOnIt(t *testing.T) {
	from := func(host, instance string) *corev1.Event {
		return &corev1.Event{Source: corev1.EventSource{Host: host}, ReportingInstance: instance}
	}
	for what, c := range map[string]struct {
		old, new *corev1.Event
		want     bool
	}{
		"its own":                      {nil, from("node-1", ""), true},
		"its own, of the newer kind":   {nil, from("", "node-1"), true},
		"its own again":                {from("node-1", ""), from("node-1", ""), true},
		"another's":                    {nil, from("node-2", ""), false},
		"the control plane's":          {nil, from("", ""), false},
		"one that was another's":       {from("node-2", ""), from("node-1", ""), false},
		"one that was nobody's":        {from("", ""), from("node-1", ""), false},
		"its own, called another's":    {from("node-1", ""), from("node-2", ""), false},
		"another's in the older field": {nil, from("node-2", "node-1"), false},
	} {
		var old any
		if c.old != nil {
			old = c.old
		}
		err := policy.Restrict(Request{Attributes: rbac.Attributes{User: "system:node:node-1", Groups: []string{"system:nodes"}, Verb: "create", Resource: "events"}}, old, c.new)
		if (err == nil) != c.want {
			t.Errorf("an event that is %s: %v, want allowed: %t", what, err, c.want)
		}
	}
}
