package rbac

import (
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The groups that the roles of every cluster are given to.
const (
	Masters         = "system:masters"
	Authenticated   = "system:authenticated"
	Unauthenticated = "system:unauthenticated"
)

// aggregateTo is how the label begins by which a role joins another: view, edit, admin.
const aggregateTo = "rbac.authorization.k8s.io/aggregate-to-"

// bootstrapping marks what every cluster has.
const bootstrapping = "kubernetes.io/bootstrapping"

// everything is the rules of whoever may do everything.
var everything = []rbacv1.PolicyRule{rule("*", "*", "*"), paths("*", "*")}

// healthAndVersion is what whoever reaches the server may see.
var healthAndVersion = paths("get", "/healthz /livez /readyz /version /version/")

// reads and writes are what one does to objects of a kind.
const (
	reads  = "get list watch"
	writes = "create delete deletecollection patch update"
)

// DefaultRoles are the ClusterRoles of every cluster. Those that gather their rules have them from the start: whoever may bind one must have
// them all, and they are of use before the loop is there.
func DefaultRoles() []*rbacv1.ClusterRole {
	all := []*rbacv1.ClusterRole{
		named("cluster-admin", everything...),
		named("system:discovery", healthAndVersion, paths("get", "/api /api/* /apis /apis/* /openapi /openapi/*")),
		named("system:basic-user",
			rule("create", "authorization.k8s.io", "selfsubjectaccessreviews selfsubjectrulesreviews"),
			rule("create", "authentication.k8s.io", "selfsubjectreviews")),
		named("system:public-info-viewer", healthAndVersion),
		named("system:auth-delegator", // of a server beside this one, that leaves to it who asks there, and whether they may
			rule("create", "authentication.k8s.io", "tokenreviews"), rule("create", "authorization.k8s.io", "subjectaccessreviews")),
		gathering("view", "edit"), gathering("edit", "admin"), gathering("admin"), // each after what it gathers
		labelled(named("system:aggregate-to-admin",
			rule("create", "authorization.k8s.io", "localsubjectaccessreviews"),
			rule(reads+" "+writes, rbacv1.GroupName, "roles rolebindings"),
		), "admin"),
		labelled(named("system:aggregate-to-edit", editing()...), "edit"),
		labelled(named("system:aggregate-to-view", viewing()...), "view"),
	}
	for _, role := range all {
		if role.AggregationRule != nil {
			role.Rules = Aggregate(role, all)
		}
	}
	return all
}

// editing is what makes and changes what runs in a namespace. It sees Secrets and acts as the accounts there: who may make a pod can do
// both anyway. It gives no rights.
func editing() []rbacv1.PolicyRule {
	return []rbacv1.PolicyRule{
		rule(reads, "", "pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy"),
		rule("impersonate", "", "serviceaccounts"),
		rule(writes, "", "pods pods/attach pods/exec pods/portforward pods/proxy"),
		rule("create", "", "pods/eviction serviceaccounts/token"),
		rule(writes, "", "configmaps events persistentvolumeclaims replicationcontrollers replicationcontrollers/scale secrets serviceaccounts services services/proxy"),
		rule(writes, "apps", "daemonsets deployments deployments/rollback deployments/scale replicasets replicasets/scale statefulsets statefulsets/scale"),
		rule(writes, "autoscaling", "horizontalpodautoscalers"),
		rule(writes, "batch", "cronjobs jobs"),
		rule(writes, "policy", "poddisruptionbudgets"),
		rule(writes, "networking.k8s.io", "ingresses networkpolicies"),
		rule(reads+" "+writes, "coordination.k8s.io", "leases"),
	}
}

// viewing is what sees what runs in a namespace, but none of its Secrets: who sees a token is its account.
func viewing() []rbacv1.PolicyRule {
	return []rbacv1.PolicyRule{
		rule(reads, "", "configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods replicationcontrollers replicationcontrollers/scale serviceaccounts services services/status"),
		rule(reads, "", "bindings events limitranges namespaces namespaces/status pods/log pods/status replicationcontrollers/status resourcequotas resourcequotas/status"),
		rule(reads, "discovery.k8s.io", "endpointslices"),
		rule(reads, "apps", "controllerrevisions daemonsets daemonsets/status deployments deployments/scale deployments/status replicasets replicasets/scale replicasets/status statefulsets statefulsets/scale statefulsets/status"),
		rule(reads, "autoscaling", "horizontalpodautoscalers horizontalpodautoscalers/status"),
		rule(reads, "batch", "cronjobs cronjobs/status jobs jobs/status"),
		rule(reads, "policy", "poddisruptionbudgets poddisruptionbudgets/status"),
		rule(reads, "networking.k8s.io", "ingresses ingresses/status networkpolicies"),
	}
}

// DefaultBindings are the ClusterRoleBindings of every cluster.
func DefaultBindings() []*rbacv1.ClusterRoleBinding {
	return []*rbacv1.ClusterRoleBinding{
		bound("cluster-admin", Masters),
		bound("system:discovery", Authenticated),
		bound("system:basic-user", Authenticated),
		bound("system:public-info-viewer", Authenticated, Unauthenticated),
	}
}

// rule is one about resources. verbs and resources are words.
func rule(verbs, group, resources string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{Verbs: strings.Fields(verbs), APIGroups: []string{group}, Resources: strings.Fields(resources)}
}

func paths(verbs, urls string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{Verbs: strings.Fields(verbs), NonResourceURLs: strings.Fields(urls)}
}

func named(name string, rules ...rbacv1.PolicyRule) *rbacv1.ClusterRole {
	return &rbacv1.ClusterRole{ObjectMeta: ofEveryCluster(name), Rules: rules}
}

// labelled has a role join others.
func labelled(role *rbacv1.ClusterRole, joins ...string) *rbacv1.ClusterRole {
	for _, other := range joins {
		role.Labels[aggregateTo+other] = "true"
	}
	return role
}

// gathering is a role whose rules come of others, and join others in turn.
func gathering(name string, joins ...string) *rbacv1.ClusterRole {
	role := labelled(named(name), joins...)
	role.AggregationRule = &rbacv1.AggregationRule{ClusterRoleSelectors: []metav1.LabelSelector{{MatchLabels: map[string]string{aggregateTo + name: "true"}}}}
	return role
}

// bound gives a role to groups, by a binding of the same name.
func bound(role string, groups ...string) *rbacv1.ClusterRoleBinding {
	binding := &rbacv1.ClusterRoleBinding{ObjectMeta: ofEveryCluster(role), RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role}}
	for _, group := range groups {
		binding.Subjects = append(binding.Subjects, rbacv1.Subject{Kind: rbacv1.GroupKind, APIGroup: rbacv1.GroupName, Name: group})
	}
	return binding
}

func ofEveryCluster(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Labels: map[string]string{bootstrapping: "rbac-defaults"},
		Annotations: map[string]string{rbacv1.AutoUpdateAnnotationKey: "true"}}
}
