//go:build linux

package main

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"kubelab/kube/access"
	"kubelab/kube/apiserver/apiservertest"
	"kubelab/kube/cluster"
	"kubelab/kube/component"
	"kubelab/kube/operator"
	"kubelab/kube/services"
)

var update = flag.Bool("update", false, "write into docs/security.md what the API server answers")

// trial is a request that almost nobody should be granted. Its writes are dry runs. me in it is the node that asks; for
// everybody else it is node-1.
type trial struct{ what, method, path, body string }

const (
	pod    = `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"new"},"spec":{%s"containers":[{"name":"c","image":"busybox"%s}]}}`
	shop   = "/api/v1/namespaces/shop"
	theirs = shop + "/pods/theirs" // runs on node-2
	merge  = "PATCH"

	rbacPath = "/apis/rbac.authorization.k8s.io/v1"
)

var trials = []trial{
	{"read all Secrets", "GET", "/api/v1/secrets", ""},
	{"read Secrets of one name everywhere", "GET", "/api/v1/secrets?fieldSelector=metadata.name%3Dkey", ""},
	{"watch all Secrets", "GET", "/api/v1/secrets?watch=1&timeoutSeconds=1", ""},
	{"read a Secret that no pod names", "GET", shop + "/secrets/other", ""},
	{"read all ConfigMaps", "GET", "/api/v1/configmaps", ""},
	{"see a Secret by changing nothing of it", merge, shop + "/secrets/key", `{}`},
	{"see a Secret by deleting it", "DELETE", shop + "/secrets/key", ""},
	{"change a Secret", merge, shop + "/secrets/key", `{"data":{"a":"Yg=="}}`},
	{"make a pod", "POST", shop + "/pods", fmt.Sprintf(pod, "", "")},
	{"make a pod on a chosen node", "POST", shop + "/pods", fmt.Sprintf(pod, `"nodeName":"node-1",`, "")},
	{"make a privileged pod", "POST", shop + "/pods", fmt.Sprintf(pod, "", `,"securityContext":{"privileged":true}`)},
	{"make a pod with a directory of the host", "POST", shop + "/pods", fmt.Sprintf(pod, `"volumes":[{"name":"v","hostPath":{"path":"/"}}],`, "")},
	{"bind a pod", "POST", shop + "/pods/loose/binding", `{"apiVersion":"v1","kind":"Binding","metadata":{"name":"loose"},"target":{"kind":"Node","name":"node-1"}}`},
	{"change another node's pod", merge, theirs, `{"metadata":{"labels":{"app":"bank"}}}`},
	{"report on another node's pod", merge, theirs + "/status", `{"status":{"phase":"Failed"}}`},
	{"evict a pod", "POST", theirs + "/eviction", `{"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":"theirs"}}`},
	{"delete another node's pod", "DELETE", theirs, ""},
	{"delete all pods of a namespace", "DELETE", shop + "/pods", ""},
	{"read another node's pod's log", "GET", theirs + "/log", ""},
	{"exec", "POST", theirs + "/exec?command=id&stdout=1", ""},
	{"exec over a websocket, which begins with GET", "GET", theirs + "/exec?command=id&stdout=1", ""},
	{"attach", "POST", theirs + "/attach?stdout=1", ""},
	{"port-forward", "POST", theirs + "/portforward?ports=80", ""},
	{"put a container into a pod", merge, theirs + "/ephemeralcontainers", `{"spec":{"ephemeralContainers":[{"name":"e","image":"busybox"}]}}`},
	{"make a node", "POST", "/api/v1/nodes", `{"apiVersion":"v1","kind":"Node","metadata":{"name":"ghost"}}`},
	{"delete another node", "DELETE", "/api/v1/nodes/node-2", ""},
	{"report on another node", merge, "/api/v1/nodes/node-2/status", `{"status":{"phase":"Terminated"}}`},
	{"change another node", merge, "/api/v1/nodes/node-2", `{"spec":{"unschedulable":true}}`},
	{"give node-1 a role", merge, "/api/v1/nodes/node-1", `{"metadata":{"labels":{"node-role.kubernetes.io/control-plane":""}}}`},
	{"reach a node's own port", "GET", "/api/v1/nodes/node-2/proxy/pods", ""},
	{"renew another node's Lease", merge, "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/node-2", `{"spec":{"holderIdentity":"me"}}`},
	{"take the scheduler's Lease", "PUT", "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kube-scheduler",
		`{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"kube-scheduler"},"spec":{"holderIdentity":"me"}}`},
	{"make a Lease of any name", "POST", "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases",
		`{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"mine"}}`},
	{"make a Deployment", "POST", "/apis/apps/v1/namespaces/shop/deployments", `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d"},"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"busybox"}]}}}}`},
	{"lead a Service elsewhere", "PUT", "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices/web",
		`{"apiVersion":"discovery.k8s.io/v1","kind":"EndpointSlice","metadata":{"name":"web"},"addressType":"IPv4","endpoints":[{"addresses":["192.0.2.66"]}]}`},
	{"take a finalizer off", merge, shop + "/configmaps/held", `{"metadata":{"finalizers":null}}`},
	{"delete a namespace", "DELETE", "/api/v1/namespaces/shop", ""},
	{"let a namespace go that is not empty", "PUT", "/api/v1/namespaces/shop/finalize", `{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"shop"},"spec":{}}`},
	{"make a ServiceAccount", "POST", shop + "/serviceaccounts", `{"apiVersion":"v1","kind":"ServiceAccount","metadata":{"name":"root"}}`},
	{"ask for an account's token", "POST", shop + "/serviceaccounts/default/token", `{"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","spec":{}}`},
	{"bind oneself to a role (RBAC `bind`)", "POST", rbacPath + "/clusterrolebindings",
		`{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRoleBinding","metadata":{"name":"b"},"roleRef":{"kind":"ClusterRole","name":"view"},"subjects":[{"kind":"User","name":"me"}]}`},
	{"bind oneself to a role in a namespace", "POST", rbacPath + "/namespaces/shop/rolebindings",
		`{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"RoleBinding","metadata":{"name":"b"},"roleRef":{"kind":"ClusterRole","name":"view"},"subjects":[{"kind":"User","name":"me"}]}`},
	{"join a binding that is there", merge, rbacPath + "/clusterrolebindings/cluster-admin", `{"subjects":[{"kind":"User","apiGroup":"rbac.authorization.k8s.io","name":"me"}]}`},
	{"widen a role (RBAC `escalate`)", "PUT", rbacPath + "/clusterroles/system:basic-user",
		`{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRole","metadata":{"name":"system:basic-user"},"rules":[{"verbs":["*"],"apiGroups":["*"],"resources":["*"]}]}`},
	{"give everybody what one has only to clear away", "PUT", rbacPath + "/clusterroles/system:public-info-viewer",
		`{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRole","metadata":{"name":"system:public-info-viewer"},"rules":[{"verbs":["get","list","watch","patch","delete","deletecollection"],"apiGroups":["*"],"resources":["*"]}]}`},
	{"widen a role that gathers its rules", "PUT", rbacPath + "/clusterroles/view",
		`{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRole","metadata":{"name":"view"},"rules":[{"verbs":["*"],"apiGroups":["*"],"resources":["*"]}]}`},
	{"have a role join another", merge, rbacPath + "/clusterroles/cluster-admin", `{"metadata":{"labels":{"rbac.authorization.k8s.io/aggregate-to-view":"true"}}}`},
	{"make a role", "POST", rbacPath + "/namespaces/shop/roles",
		`{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"Role","metadata":{"name":"r"},"rules":[{"verbs":["get"],"apiGroups":[""],"resources":["secrets"]}]}`},
	{"take a role away", "DELETE", rbacPath + "/clusterroles/view", ""},
	{"approve a certificate", "PUT", "/apis/certificates.k8s.io/v1/certificatesigningrequests/a/approval", `{}`},
	{"put a webhook before all requests", "POST", "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations", `{}`},
	{"add a kind", "POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", `{}`},
	{"ask what another may do", "POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", `{"apiVersion":"authorization.k8s.io/v1","kind":"SubjectAccessReview","spec":{"user":"ada","resourceAttributes":{"verb":"get","resource":"pods"}}}`},
	{"act as another (impersonate)", "GET", "/api/v1/namespaces/shop/pods#as", ""},
	{"hold a loop (step mode)", merge, "/api/v1/namespaces/kube-system/configmaps/step-mode", `{"data":{"scheduler":"0"}}`},
	{"read the causal record", "GET", "/kubelab/steps", ""},
	{"write a step in a person's name", "POST", "/kubelab/steps", `[{"id":"x.node-1.1","component":"kubelab-admin","host":"node-1","verb":"delete","root":"request","time":"2026-01-01T00:00:00Z"}]`},
	{"read metrics", "GET", "/metrics", ""},
	{"profile the server", "GET", "/debug/pprof/", ""},
}

// who sends the trials: a column of the matrix.
type who struct {
	name   string
	config *rest.Config
	token  string
}

func TestTheMatrixOfWhoIsGrantedWhatIsAsDocsSecuritySays(t *testing.T) {
	server := apiservertest.StartFor(t, apiservertest.Policy(t, cluster.Declared...), cluster.Kinds(services.DefaultRange)...)
	furnish(t, server.Admin())
	stranger := rest.AnonymousClientConfig(server.Config())
	columns := []who{
		{"nobody", stranger, ""}, {"a bearer token", stranger, "eyJhbGciOiJub25lIn0.e30."},
		{"a user without rights", server.Client("ada", access.Client("ada", "readers")).Config, ""},
	}
	for _, name := range []string{"kubelet", "scheduler", "controllers", "proxy", "dns", "machine"} {
		c, _ := component.Named(cluster.Declared, name)
		host := "node-1"
		if c.Place == component.Commands {
			host = ""
		}
		columns = append(columns, who{map[string]string{"kubelet": "node-1"}[name] + strings.Replace(name, "kubelet", "", 1), server.As(c, host).Config, ""})
	}
	columns = append(columns, who{"API server", server.Client("apiserver", access.Client(access.APIServerUser, access.MastersGroup)).Config, ""})

	var table strings.Builder
	table.WriteString("| |")
	for _, column := range columns {
		table.WriteString(" " + column.name + " |")
	}
	table.WriteString("\n|---|" + strings.Repeat("---|", len(columns)) + "\n")
	for _, trial := range trials {
		table.WriteString("| " + trial.what + " |")
		for _, column := range columns {
			code := trial.send(t, column)
			text := fmt.Sprint(code)
			if code < 300 {
				text = "**" + text + "**"
			}
			table.WriteString(" " + text + " |")
		}
		table.WriteString("\n")
	}
	compareSection(t, "../../../docs/security.md", "matrix", table.String())
}

// send asks once, and returns the code of the answer.
func (r trial) send(t *testing.T, from who) int {
	t.Helper()
	client, err := rest.HTTPClientFor(from.config)
	if err != nil {
		t.Fatal(err)
	}
	path, as, _ := strings.Cut(r.path, "#")
	if r.method != "GET" && r.path != "/kubelab/steps" {
		path += map[bool]string{true: "&", false: "?"}[strings.Contains(path, "?")] + "dryRun=All"
	}
	request, err := http.NewRequestWithContext(t.Context(), r.method, from.config.Host+path, strings.NewReader(r.body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", map[bool]string{true: "application/merge-patch+json", false: "application/json"}[r.method == merge])
	if as != "" {
		request.Header.Set("Impersonate-User", access.AdminUser)
		request.Header.Set("Impersonate-Group", access.MastersGroup)
	}
	if from.token != "" {
		request.Header.Set("Authorization", "Bearer "+from.token)
	}
	answer, err := client.Do(request)
	if err != nil {
		t.Fatalf("%s, by %s: %v", r.what, from.name, err)
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}

// furnish makes what the trials are about.
func furnish(t *testing.T, person *operator.Client) {
	t.Helper()
	ctx, meta := t.Context(), func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Name: name} }
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(person.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: meta("shop")}, metav1.CreateOptions{}))
	for _, node := range []string{"node-1", "node-2"} {
		must(person.CoreV1().Nodes().Create(ctx, &corev1.Node{ObjectMeta: meta(node)}, metav1.CreateOptions{}))
		must(person.CoordinationV1().Leases("kube-node-lease").Create(ctx, &coordinationv1.Lease{ObjectMeta: meta(node)}, metav1.CreateOptions{}))
	}
	must(person.CoordinationV1().Leases("kube-system").Create(ctx, &coordinationv1.Lease{ObjectMeta: meta("kube-scheduler")}, metav1.CreateOptions{}))
	for _, secret := range []string{"key", "other"} {
		must(person.CoreV1().Secrets("shop").Create(ctx, &corev1.Secret{ObjectMeta: meta(secret)}, metav1.CreateOptions{}))
	}
	held := &corev1.ConfigMap{ObjectMeta: meta("held")}
	held.Finalizers = []string{"shop.example/audit"}
	must(person.CoreV1().ConfigMaps("shop").Create(ctx, held, metav1.CreateOptions{}))
	must(person.CoreV1().ConfigMaps("kube-system").Create(ctx, &corev1.ConfigMap{ObjectMeta: meta(operator.StepMode)}, metav1.CreateOptions{}))
	must(person.CoreV1().ServiceAccounts("shop").Create(ctx, &corev1.ServiceAccount{ObjectMeta: meta("default")}, metav1.CreateOptions{}))
	must(person.DiscoveryV1().EndpointSlices("shop").Create(ctx, &discoveryv1.EndpointSlice{ObjectMeta: meta("web"), AddressType: discoveryv1.AddressTypeIPv4}, metav1.CreateOptions{}))
	for name, node := range map[string]string{"mine": "node-1", "theirs": "node-2", "loose": ""} {
		p := &corev1.Pod{ObjectMeta: meta(name), Spec: corev1.PodSpec{NodeName: node, Containers: []corev1.Container{{Name: "c", Image: "busybox"}}}}
		p.Spec.Containers[0].EnvFrom = []corev1.EnvFromSource{{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "key"}}}}
		must(person.CoreV1().Pods("shop").Create(ctx, p, metav1.CreateOptions{}))
	}
}

// compareSection holds what stands between two markers of a file against what it should be, or writes it there.
func compareSection(t *testing.T, path, name, want string) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	open, shut := "<!-- "+name+": a test writes this -->\n", "<!-- end of "+name+" -->\n"
	before, rest, opened := strings.Cut(string(content), open)
	section, after, closed := strings.Cut(rest, shut)
	if !opened || !closed {
		t.Fatalf("%s has no lines %q and %q", path, open, shut)
	}
	if *update {
		if err := os.WriteFile(path, []byte(before+open+want+shut+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(section, want); diff != "" {
		t.Errorf("%s (-written +answered): if this is meant, go test ./kube/cmd/kube -run Matrix -update\n%s", path, diff)
	}
}
