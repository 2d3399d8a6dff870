package nodes_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubelab/kube/api"
	"kubelab/kube/apiserver/apiservertest"
	"kubelab/kube/garbage"
	"kubelab/kube/nodes"
	"kubelab/kube/services/servicekind"
)

func newCluster(t *testing.T) *apiservertest.Cluster {
	var kinds []api.Kind
	for _, room := range [][]api.Kind{api.Kinds, servicekind.Kinds, nodes.Kinds, garbage.Kinds} {
		kinds = append(kinds, room...)
	}
	return apiservertest.Start(t, kinds...)
}

func node(name, podRange string) *corev1.Node {
	return &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.NodeSpec{PodCIDR: podRange}}
}

func TestNoTwoNodesHaveTheSameRange(t *testing.T) {
	all := newCluster(t).Admin().CoreV1().Nodes()
	if _, err := all.Create(t.Context(), node("n1", "10.244.0.0/24"), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	second, err := all.Create(t.Context(), node("n2", ""), metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	second.Spec.PodCIDR = "10.244.0.0/24"
	if _, err := all.Update(t.Context(), second, metav1.UpdateOptions{}); !apierrors.IsConflict(err) {
		t.Errorf("the second node got the range of the first: %v", err)
	}
	if err := all.Delete(t.Context(), "n1", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if second, err = all.Update(t.Context(), second, metav1.UpdateOptions{}); err != nil {
		t.Fatalf("a range that is free again: %v", err)
	}
	second.Spec.PodCIDR = "10.244.9.0/24"
	second.Spec.PodCIDRs = nil
	_, err = all.Update(t.Context(), second, metav1.UpdateOptions{})
	if want := `spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid`; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestANewNodeTakesNoPodsBeforeItIsReady(t *testing.T) {
	all := newCluster(t).Admin().CoreV1().Nodes()
	created, err := all.Create(t.Context(), node("n1", ""), metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want := []corev1.Taint{{Key: corev1.TaintNodeNotReady, Effect: corev1.TaintEffectNoSchedule}}
	if diff := cmp.Diff(want, created.Spec.Taints); diff != "" {
		t.Errorf("taints (-want +got):\n%s", diff)
	}
	ready := node("n2", "")
	ready.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
	if created, err = all.Create(t.Context(), ready, metav1.CreateOptions{}); err != nil || created.Spec.Taints != nil {
		t.Errorf("a node that comes as ready has the taints %v, %v", created.Spec.Taints, err)
	}
}

func TestTaintsOfANodeAreDistinct(t *testing.T) {
	n := node("n1", "")
	n.Spec.Taints = []corev1.Taint{{Key: "a", Value: "1", Effect: corev1.TaintEffectNoSchedule}, {Key: "a", Value: "2", Effect: corev1.TaintEffectNoSchedule}, {Key: "b", Effect: "NoEntry"}}
	var got []string
	for _, err := range nodes.Kinds[0].Validate(n) {
		got = append(got, err.Error())
	}
	want := []string{
		`spec.taints[1]: Duplicate value: {"key":"a","value":"2","effect":"NoSchedule"}: taints must be unique by key and effect pair`,
		`spec.taints[2].effect: Unsupported value: "NoEntry": supported values: "NoExecute", "NoSchedule", "PreferNoSchedule"`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTheRowOfANode(t *testing.T) {
	n := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: "n1", Labels: map[string]string{"node-role.kubernetes.io/worker": "", "node-role.kubernetes.io/gpu": ""}},
		Spec:       corev1.NodeSpec{Unschedulable: true},
		Status: corev1.NodeStatus{
			Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}},
			Addresses:  []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: "172.30.0.2"}},
			NodeInfo:   corev1.NodeSystemInfo{KubeletVersion: "v1.37.2", KernelVersion: "6.18"},
		},
	}
	got := map[string]any{}
	for _, c := range nodes.Kinds[0].Columns {
		got[c.Name] = c.Value(n)
	}
	want := map[string]any{
		"Status": "Ready,SchedulingDisabled", "Roles": "gpu,worker", "Age": "<unknown>", "Version": "v1.37.2", "Internal-IP": "172.30.0.2",
		"External-IP": "<none>", "OS-Image": "<unknown>", "Kernel-Version": "6.18", "Container-Runtime": "<unknown>",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("row (-want +got):\n%s", diff)
	}
}
