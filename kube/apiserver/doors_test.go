package apiserver_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"kubelab/kube/access"
	"kubelab/kube/operator"
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
			return kubelet.CoreV1().Pods("default").UpdateStatus(t.Context(), &full, metav1.UpdateOptions{})
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
