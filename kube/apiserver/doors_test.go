package apiserver_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"kubelab/kube/access"
	"kubelab/kube/operator"
	"kubelab/kube/trace"
)

// Here the tests play an intruder who holds a component's key.

// podOn makes a pod that runs on a node and names a ConfigMap and a Secret in its environment.
func podOn(t *testing.T, person *operator.Client, node, name string) *corev1.Pod {
	t.Helper()
	p := pod(name)
	p.Spec.NodeName = node
	p.Spec.Containers[0].EnvFrom = []corev1.EnvFromSource{
		{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "shared"}}},
		{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "shared"}}},
	}
	return createPod(t, person, p)
}

func TestAListOfOneNameInAllNamespacesIsNoListOfOneObject(t *testing.T) {
	cluster := start(t)
	person, kubelet := cluster.Admin(), cluster.Client("kubelet", access.NodeClient("node-1"))
	podOn(t, person, "node-1", "web")
	selected := metav1.ListOptions{FieldSelector: "metadata.name=shared"}
	waitFor(t, "the node to be let in", func() bool {
		_, err := kubelet.CoreV1().Secrets("default").List(t.Context(), selected)
		return err == nil
	})
	for _, resource := range []string{"secrets", "configmaps"} {
		for _, verb := range []string{"", "&watch=true&timeoutSeconds=1"} {
			path := "/api/v1/" + resource + "?fieldSelector=metadata.name%3Dshared" + verb
			if err := kubelet.CoreV1().RESTClient().Get().RequestURI(path).Do(t.Context()).Error(); !apierrors.IsForbidden(err) {
				t.Errorf("GET %s: got %v, want Forbidden", path, err)
			}
		}
		path := "/api/v1/namespaces/default/" + resource + "?fieldSelector=metadata.name%3Dshared"
		if err := kubelet.CoreV1().RESTClient().Delete().RequestURI(path).Do(t.Context()).Error(); !apierrors.IsForbidden(err) {
			t.Errorf("DELETE %s: got %v, want Forbidden", path, err)
		}
	}
}

func TestANodeMakesOnlyWhatBearsItsName(t *testing.T) {
	kubelet := start(t).Client("kubelet", access.NodeClient("node-1"))
	rest := kubelet.CoreV1().RESTClient()
	leases := "/apis/coordination.k8s.io/v1/namespaces/"
	for _, c := range []struct{ path, body string }{
		{"/api/v1/nodes", `{"metadata":{"name":"ghost"}}`},
		{"/api/v1/nodes", `{"metadata":{"generateName":"node-"}}`},
		{"/api/v1/nodes?fieldSelector=metadata.name%3Dnode-1", `{"metadata":{"name":"ghost"}}`},
		{"/api/v1/nodes", `{"metadata":{"name":"node-1"},"spec":{"podCIDR":"10.244.7.0/24"}}`},
		{"/api/v1/nodes", `{"metadata":{"name":"node-1","ownerReferences":[{"apiVersion":"v1","kind":"Namespace","name":"x","uid":"x"}]}}`},
		{leases + "kube-node-lease/leases", `{"metadata":{"name":"ghost"}}`},
		{leases + "kube-node-lease/leases", `{"metadata":{"generateName":"node-"}}`},
		{leases + "default/leases", `{"metadata":{"name":"node-1"}}`},
	} {
		err := rest.Post().RequestURI(c.path).SetHeader("Content-Type", "application/json").Body([]byte(c.body)).Do(t.Context()).Error()
		if !apierrors.IsForbidden(err) {
			t.Errorf("%s %s: got %v, want Forbidden", c.path, c.body, err)
		}
	}
	if _, err := kubelet.CoreV1().Nodes().Create(t.Context(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "node-1"}}, metav1.CreateOptions{}); err != nil {
		t.Errorf("its own node: %v", err)
	}
	lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: "node-1"}}
	if _, err := kubelet.CoordinationV1().Leases("kube-node-lease").Create(t.Context(), lease, metav1.CreateOptions{}); err != nil {
		t.Errorf("its own lease: %v", err)
	}
}

func TestWhoClearsAwaySeesNoSecretInTheAnswerToAWrite(t *testing.T) {
	cluster := start(t)
	person, controllers := cluster.Admin(), cluster.As(declared("controllers"), "")
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "key", Finalizers: []string{"a.example/b"}}, StringData: map[string]string{"password": "sesame"}}
	made, err := person.CoreV1().Secrets("default").Create(t.Context(), secret, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	hidden := base64.StdEncoding.EncodeToString(made.Data["password"])
	const whole, metadata = "application/json", "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
	const all, one = "/api/v1/namespaces/default/secrets", "/api/v1/namespaces/default/secrets/key"
	for _, c := range []struct {
		method, path, accept, contentType, body string
		want                                    bool
	}{
		{"PATCH", one, whole, "application/merge-patch+json", `{}`, false},
		{"PATCH", one, metadata + "," + whole, "application/merge-patch+json", `{"metadata":{"finalizers":["a.example/c"]}}`, true},
		{"PATCH", one, metadata, "application/json-patch+json", `[{"op":"add","path":"/metadata/ownerReferences","value":[{"apiVersion":"v1","kind":"Pod","name":"a"}]},
			{"op":"copy","from":"/data/password","path":"/metadata/ownerReferences/0/uid"}]`, false},
		{"DELETE", one + "?dryRun=All", whole, whole, ``, false},
		{"DELETE", all + "?dryRun=All", whole, whole, ``, false},
		{"DELETE", one, whole, whole, ``, false},
		{"DELETE", all + "?dryRun=All", metadata, whole, ``, true},
		{"DELETE", one, metadata, whole, ``, true},
	} {
		answer := controllers.CoreV1().RESTClient().Verb(c.method).RequestURI(c.path).
			SetHeader("Accept", c.accept).SetHeader("Content-Type", c.contentType).Body([]byte(c.body)).Do(t.Context())
		told, err := answer.Raw()
		if c.want && err != nil || !c.want && !apierrors.IsForbidden(err) {
			t.Errorf("%s %s %s, for %s: got %v, want allowed %t", c.method, c.path, c.body, c.accept, err, c.want)
		}
		if strings.Contains(string(told), hidden) {
			t.Errorf("%s %s %s, for %s: the password is in the answer", c.method, c.path, c.body, c.accept)
		}
	}
}

func TestABodyMayNameNoOtherObjectThanThePathDoes(t *testing.T) {
	person := start(t).Admin()
	createPod(t, person, pod("a"))
	create(t, person, configMap("a"))
	core := "/api/v1/namespaces/default/"
	for _, c := range []struct{ method, path, contentType, body string }{
		{"PUT", core + "configmaps/a", "application/json", `{"metadata":{"name":"b"}}`},
		{"PUT", core + "configmaps/a", "application/json", `{"metadata":{"name":"a","namespace":"kube-system"}}`},
		{"PATCH", core + "configmaps/a", "application/merge-patch+json", `{"metadata":{"name":"b"}}`},
		{"PATCH", core + "configmaps/a", "application/merge-patch+json", `{"metadata":{"namespace":"kube-system"}}`},
		{"PATCH", core + "configmaps/a", "application/json-patch+json", `[{"op":"replace","path":"/metadata/name","value":"b"}]`},
		{"PATCH", core + "configmaps/a?fieldManager=x", "application/apply-patch+yaml", `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"b"}}`},
		{"PATCH", core + "configmaps/a?fieldManager=x", "application/apply-patch+yaml", `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","namespace":"kube-system"}}`},
		{"PUT", core + "pods/a/status", "application/json", `{"metadata":{"name":"b"}}`},
		{"POST", core + "pods/a/binding", "application/json", `{"metadata":{"name":"b"},"target":{"name":"node-1"}}`},
		{"POST", core + "pods/a/eviction", "application/json", `{"metadata":{"name":"b"}}`},
		{"PUT", "/api/v1/namespaces/default/finalize", "application/json", `{"metadata":{"name":"kube-system"}}`},
	} {
		err := person.CoreV1().RESTClient().Verb(c.method).RequestURI(c.path).SetHeader("Content-Type", c.contentType).Body([]byte(c.body)).Do(t.Context()).Error()
		if !apierrors.IsBadRequest(err) {
			t.Errorf("%s %s %s: got %v, want BadRequest", c.method, c.path, c.body, err)
		}
	}
}

func TestAWriteOfAStatusChangesNothingElse(t *testing.T) {
	cluster := start(t)
	person, kubelet := cluster.Admin(), cluster.Client("kubelet", access.NodeClient("node-1"))
	made := podOn(t, person, "node-1", "web")
	more := map[string]any{
		"metadata": map[string]any{
			"labels": map[string]string{"app": "bank"}, "finalizers": []string{"a.example/b"}, "deletionTimestamp": "2020-01-01T00:00:00Z",
			"ownerReferences": []metav1.OwnerReference{{APIVersion: "v1", Kind: "ConfigMap", Name: "gone", UID: "gone"}},
		},
		"spec":   map[string]any{"nodeName": "node-1", "activeDeadlineSeconds": 1},
		"status": map[string]any{"message": "hello"},
	}
	patch, err := json.Marshal(more)
	if err != nil {
		t.Fatal(err)
	}
	var full corev1.Pod
	waitFor(t, "the node to be let in", func() bool {
		_, err := kubelet.CoreV1().Pods("default").Get(t.Context(), "web", metav1.GetOptions{})
		return err == nil
	})
	for what, write := range map[string]func() (*corev1.Pod, error){
		"merge patch": func() (*corev1.Pod, error) {
			return kubelet.CoreV1().Pods("default").Patch(t.Context(), "web", types.MergePatchType, patch, metav1.PatchOptions{}, "status")
		},
		"strategic patch": func() (*corev1.Pod, error) {
			return kubelet.CoreV1().Pods("default").Patch(t.Context(), "web", types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status")
		},
		"apply": func() (*corev1.Pod, error) {
			intent := strings.Replace(string(patch), "{", `{"apiVersion":"v1","kind":"Pod",`, 1)
			return kubelet.CoreV1().Pods("default").Patch(t.Context(), "web", types.ApplyYAMLPatchType, []byte(intent), metav1.PatchOptions{FieldManager: "kubelet", Force: new(true)}, "status")
		},
		"update": func() (*corev1.Pod, error) {
			full = *made.DeepCopy()
			full.ResourceVersion = ""
			if err := json.Unmarshal(patch, &full); err != nil {
				t.Fatal(err)
			}
			return cluster.As(worker, "").CoreV1().Pods("default").UpdateStatus(t.Context(), &full, metav1.UpdateOptions{})
		},
	} {
		written, err := write()
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		if written.Status.Message != "hello" {
			t.Errorf("%s: the status says %q", what, written.Status.Message)
		}
		written.Status, written.ResourceVersion, written.ManagedFields = made.Status, made.ResourceVersion, made.ManagedFields
		if diff := cmp.Diff(made, written); diff != "" {
			t.Errorf("%s (-before +after):\n%s", what, diff)
		}
	}
}

func TestANodeWritesNoPodOfAnother(t *testing.T) {
	cluster := start(t)
	person, kubelet := cluster.Admin(), cluster.Client("kubelet", access.NodeClient("node-1"))
	podOn(t, person, "node-2", "web")
	_, err := kubelet.CoreV1().Pods("default").Patch(t.Context(), "web", types.MergePatchType, []byte(`{"status":{"message":"x"}}`), metav1.PatchOptions{}, "status")
	if !apierrors.IsForbidden(err) {
		t.Errorf("a write: got %v, want Forbidden", err)
	}
	if err := kubelet.CoreV1().Pods("default").Delete(t.Context(), "web", metav1.DeleteOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("a delete: got %v, want Forbidden", err)
	}
}

// post sends one step as JSON.
func post(t *testing.T, from *operator.Client, step any) error {
	t.Helper()
	body, err := json.Marshal([]any{step})
	if err != nil {
		t.Fatal(err)
	}
	return from.CoreV1().RESTClient().Post().AbsPath(trace.Path).SetHeader("Content-Type", "application/json").Body(body).Do(t.Context()).Error()
}

func TestTheRecordTakesFromAComponentOnlyWhatItsCertificateStandsFor(t *testing.T) {
	cluster := start(t)
	kubelet, proxy := cluster.Client("kubelet", access.NodeClient("node-1")), cluster.As(declared("proxy"), "node-1")
	machine := cluster.As(declared("machine"), "")
	step := func(change map[string]any) map[string]any {
		document := map[string]any{
			"id": "kubelet.node-1.1", "time": time.Now(), "component": "kubelet", "host": "node-1", "verb": "start",
			"object": map[string]string{"resource": "pods", "namespace": "default", "name": "web"},
		}
		maps.Copy(document, change)
		return document
	}
	long := strings.Repeat("x", 1<<20)
	for what, change := range map[string]map[string]any{
		"another component":          {"component": "scheduler"},
		"an administrator":           {"component": access.AdminUser, "root": "request"},
		"a request of its own":       {"root": "request"},
		"another host":               {"host": "node-2"},
		"no host":                    {"host": ""},
		"another's ID":               {"id": "kubelet.node-2.1"},
		"the ID of a write":          {"id": "r17"},
		"an ID that leads elsewhere": {"id": "kubelet.node-1./../registry/pods/x"},
		"a time to come":             {"time": "9999-01-01T00:00:00Z"},
		"a long detail":              {"detail": long},
		"a long name":                {"object": map[string]string{"resource": "pods", "name": long}},
		"a revision":                 {"revision": 17},
		"a root of no kind":          {"root": "whim"},
		"a field that there is not":  {"rights": "all"},
	} {
		if err := post(t, kubelet, step(change)); !apierrors.IsInvalid(err) && !apierrors.IsBadRequest(err) {
			t.Errorf("%s: got %v, want that it is refused", what, err)
		}
	}
	if err := post(t, proxy, step(nil)); !apierrors.IsInvalid(err) {
		t.Errorf("a kubelet's step from its proxy: got %v, want that it is refused", err)
	}
	for what, err := range map[string]error{
		"a kubelet's own":                  post(t, kubelet, step(nil)),
		"its runtime's":                    post(t, kubelet, step(map[string]any{"id": "kubelet.node-1.2", "component": "runtime"})),
		"its proxy's":                      post(t, proxy, step(map[string]any{"id": "proxy.node-1.1", "component": "proxy"})),
		"what a person did to the machine": post(t, machine, step(map[string]any{"id": "machine..1", "component": access.AdminUser, "host": "", "root": "request"})),
	} {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestAStepIsWrittenOnceAndTheFirstStays(t *testing.T) {
	cluster := start(t)
	person, kubelet := cluster.Admin(), cluster.Client("kubelet", access.NodeClient("node-1"))
	first := trace.Step{ID: "kubelet.node-1.1", Time: time.Now(), Component: "kubelet", Host: "node-1", Verb: "start", Detail: "first"}
	second := first
	second.Detail = "second"
	if err := errors.Join(post(t, kubelet, first), post(t, kubelet, first)); err != nil {
		t.Errorf("one that is delivered twice: %v", err)
	}
	if err := post(t, kubelet, second); !apierrors.IsConflict(err) {
		t.Errorf("another of the same ID: got %v, want Conflict", err)
	}
	for _, step := range record(t, person) {
		if step.ID == first.ID && step.Detail != "first" {
			t.Errorf("the record says %q, want what came first", step.Detail)
		}
	}
	again := []trace.Step{first, {ID: "kubelet.node-1.2", Time: time.Now(), Component: "kubelet", Host: "node-1", Verb: "stop"}}
	if err := kubelet.Send(t.Context(), again); err != nil {
		t.Errorf("a batch of which one has arrived before: %v", err)
	}
	if !slices.ContainsFunc(record(t, person), func(step trace.Step) bool { return step.ID == again[1].ID }) {
		t.Error("what was new in the batch is not in the record")
	}
}

func TestAComponentsReasonIsCutToWhatTheRecordTakes(t *testing.T) {
	cluster := start(t)
	person, controllers := cluster.Admin(), cluster.As(worker, "")
	request := controllers.CoreV1().RESTClient().Post().AbsPath("/api/v1/namespaces/default/configmaps").SetHeader("Content-Type", "application/json").
		SetHeader("Kubelab-Reason", strings.Repeat("x", 100<<10)).SetHeader("Kubelab-Source", strings.Repeat("y", 100<<10)).
		SetHeader("Kubelab-Causes", strings.Repeat("r1,", 10_000)).SetHeader("Kubelab-Plan", `"`+strings.Repeat("z", 100<<10)+`"`)
	if err := request.Body([]byte(`{"metadata":{"name":"a"}}`)).Do(t.Context()).Error(); err != nil {
		t.Fatal(err)
	}
	for _, step := range record(t, person) {
		size, err := json.Marshal(step)
		if err != nil {
			t.Fatal(err)
		}
		if step.Object.Name == "a" && (len(size) > 4<<10 || len(step.Detail) < 1000) {
			t.Errorf("the step has %d bytes, its detail %d", len(size), len(step.Detail))
		}
	}
}

func TestAWriteNeedsAName(t *testing.T) {
	person := start(t).Admin()
	for _, c := range []struct{ method, contentType string }{{"PUT", "application/json"}, {"PATCH", "application/merge-patch+json"}, {"PATCH", "application/apply-patch+yaml"}} {
		err := person.CoreV1().RESTClient().Verb(c.method).RequestURI("/api/v1/namespaces/default/configmaps?fieldManager=x").SetHeader("Content-Type", c.contentType).
			Body([]byte(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}`)).Do(t.Context()).Error()
		if !apierrors.IsMethodNotSupported(err) {
			t.Errorf("%s of a collection, as %s: %v", c.method, c.contentType, err)
		}
	}
}

func TestASubresourceIsNotWrittenOverANewerState(t *testing.T) {
	person := start(t).Admin()
	makeNamespace(t, person, "shop")
	old, err := person.CoreV1().Namespaces().Get(t.Context(), "shop", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := person.CoreV1().Namespaces().Patch(t.Context(), "shop", types.MergePatchType, []byte(`{"metadata":{"labels":{"a":"b"}}}`), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	old.Spec.Finalizers = nil
	if _, err := person.CoreV1().Namespaces().Finalize(t.Context(), old, metav1.UpdateOptions{}); !apierrors.IsConflict(err) {
		t.Errorf("finalize at an old revision: %v", err)
	}
	old.ResourceVersion = ""
	if _, err := person.CoreV1().Namespaces().Finalize(t.Context(), old, metav1.UpdateOptions{}); err != nil {
		t.Error(err)
	}
}
