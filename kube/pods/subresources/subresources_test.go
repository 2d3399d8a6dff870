package subresources_test

import (
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubelab/kube/api"
	"kubelab/kube/api/podspec"
	"kubelab/kube/pods/subresources"
)

func find(t *testing.T, name string) *api.Subresource {
	t.Helper()
	found := (&api.Kind{Subresources: subresources.OfPods}).Subresource(name)
	if found == nil {
		t.Fatalf("a pod has no %s", name)
	}
	return found
}

func podOn(node string, containers ...string) *corev1.Pod {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "shop"}, Spec: corev1.PodSpec{NodeName: node}}
	for _, name := range containers {
		pod.Spec.Containers = append(pod.Spec.Containers, corev1.Container{Name: name})
	}
	return pod
}

func TestAPodIsBoundOnce(t *testing.T) {
	binding, pod := find(t, "binding"), podOn("")
	to := func(node string) *corev1.Binding { return &corev1.Binding{Target: corev1.ObjectReference{Name: node}} }
	if problems := binding.Validate(to("")); len(problems) != 1 {
		t.Errorf("a binding to no node: %v", problems)
	}
	gated := podOn("")
	gated.Spec.SchedulingGates = []corev1.PodSchedulingGate{{Name: "quota"}}
	if err := binding.Change(gated, to("node-1")); err == nil || gated.Spec.NodeName != "" {
		t.Errorf("a pod that is to wait was bound to %q: %v", gated.Spec.NodeName, err)
	}
	if err := binding.Change(pod, to("node-1")); err != nil || pod.Spec.NodeName != "node-1" {
		t.Fatalf("the pod is on %q: %v", pod.Spec.NodeName, err)
	}
	if err := binding.Change(pod, to("node-2")); err == nil || pod.Spec.NodeName != "node-1" {
		t.Errorf("the pod was bound again, to %s: %v", pod.Spec.NodeName, err)
	}
}

func TestEphemeralContainersCanOnlyBeAdded(t *testing.T) {
	pod := podOn("node-1", "main")
	pod.Spec.Containers[0].Image = "app"
	podspec.Default(&pod.Spec)
	with := func(containers ...corev1.EphemeralContainerCommon) *corev1.Pod {
		wanted := pod.DeepCopy()
		wanted.Spec.EphemeralContainers, wanted.Spec.NodeName = nil, "elsewhere"
		for _, c := range containers {
			wanted.Spec.EphemeralContainers = append(wanted.Spec.EphemeralContainers, corev1.EphemeralContainer{EphemeralContainerCommon: c, TargetContainerName: "main"})
		}
		return wanted
	}
	add := find(t, "ephemeralcontainers").Change
	a, b := corev1.EphemeralContainerCommon{Name: "a", Image: "busybox"}, corev1.EphemeralContainerCommon{Name: "b", Image: "busybox"}
	if err := add(pod, with(a)); err != nil || len(pod.Spec.EphemeralContainers) != 1 || pod.Spec.NodeName != "node-1" || pod.Generation != 1 {
		t.Fatalf("with one the pod is %+v: %v", pod, err)
	}
	a = pod.Spec.EphemeralContainers[0].EphemeralContainerCommon // with its defaults
	if a.ImagePullPolicy == "" {
		t.Error("it has no defaults")
	}
	other := a
	other.Image = "alpine"
	for what, wanted := range map[string]*corev1.Pod{
		`existing ephemeral containers "a" may not be removed`:                                   with(b),
		`existing ephemeral containers "a" may not be changed`:                                   with(other),
		`spec.ephemeralContainers[1].ports: Forbidden: cannot be set for an Ephemeral Container`: with(a, corev1.EphemeralContainerCommon{Name: "b", Image: "b", Ports: []corev1.ContainerPort{{ContainerPort: 80, Protocol: "TCP"}}}),
		`spec.ephemeralContainers[1].name: Duplicate value: "main"`:                              with(a, corev1.EphemeralContainerCommon{Name: "main", Image: "b"}),
	} {
		if err := add(pod.DeepCopy(), wanted); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("got %v, want %s", err, what)
		}
	}
	lost := with(a, b)
	lost.Spec.EphemeralContainers[1].TargetContainerName = "a"
	if err := add(pod.DeepCopy(), lost); err == nil || !strings.Contains(err.Error(), `spec.ephemeralContainers[1].targetContainerName: Not found: "a"`) {
		t.Errorf("it may aim at another ephemeral one: %v", err)
	}
	if err := add(pod, with(a, b)); err != nil || pod.Generation != 2 {
		t.Errorf("one more: generation %d, %v", pod.Generation, err)
	}
}

func TestTheKubeletOfThePodsNodeIsAsked(t *testing.T) {
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "node-1"}}
	node.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: "172.30.0.3"}}
	lookup := func(_, _, name string) api.Object {
		if name != node.Name {
			return nil
		}
		return node
	}
	for name, test := range map[string]struct {
		sub, query string
		pod        *corev1.Pod
		path       string // empty: it is refused
		asked      string
	}{
		"the log of the only container":        {"log", "follow=1", podOn("node-1", "main"), "/containerLogs/shop/web/main", "follow=true"},
		"a command in one that is named":       {"exec", "container=b&command=ls", podOn("node-1", "a", "b"), "/exec/shop/web/b", "command=ls"},
		"a port, which is the pod's":           {"portforward", "ports=80", podOn("node-1", "a", "b"), "/portForward/shop/web", "ports=80"},
		"one of two, and it is not said which": {"attach", "", podOn("node-1", "a", "b"), "", ""},
		"one that is not in the pod":           {"log", "container=c", podOn("node-1", "a", "b"), "", ""},
		"a log from less than its end":         {"log", "tailLines=-1", podOn("node-1", "a"), "", ""},
		"a pod that is on no node yet":         {"log", "", podOn("", "a"), "", ""},
		"a pod on a node that has gone":        {"log", "", podOn("node-2", "a"), "", ""},
	} {
		query, err := url.ParseQuery(test.query)
		if err != nil {
			t.Fatal(err)
		}
		got, err := find(t, test.sub).Connect(test.pod, query, lookup)
		if test.path == "" {
			if err == nil {
				t.Errorf("%s: got %+v, want that it is refused", name, got)
			}
			continue
		}
		asked, _ := url.ParseQuery(test.asked)
		want := api.Target{
			Name: "node-1", Role: "the kubelet of node", Address: netip.MustParseAddrPort("172.30.0.3:10250"),
			Path: test.path, Query: asked, Session: test.sub != "log",
		}
		if difference := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); err != nil || difference != "" {
			t.Errorf("%s: %v\n-want +got\n%s", name, err, difference)
		}
	}
}

func TestWhatASchedulerSaysOfAPodItBindsIsKept(t *testing.T) {
	binding, pod := find(t, "binding"), podOn("")
	pod.Annotations = map[string]string{"a": "1", "b": "1"}
	wanted := &corev1.Binding{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{"b": "2"}, Labels: map[string]string{"zone": "z"}}, Target: corev1.ObjectReference{Name: "node-1"}}
	if err := binding.Change(pod, wanted); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]map[string]string{{"a": "1", "b": "2"}, {"zone": "z"}}, []map[string]string{pod.Annotations, pod.Labels}); diff != "" {
		t.Errorf("annotations and labels (-want +got):\n%s", diff)
	}
	wanted.Annotations, wanted.Labels = map[string]string{"a b": "1"}, map[string]string{"zone": "a b"}
	if problems := binding.Validate(wanted); len(problems) != 2 {
		t.Errorf("a binding with a wrong annotation and a wrong label: %v", problems)
	}
}

func TestAContainerIsOneOfThePodsWhoeverNamesIt(t *testing.T) {
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "node-1"}}
	node.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: "172.30.0.3"}}
	lookup := func(string, string, string) api.Object { return node }
	for name, want := range map[string]string{"b": "/containerLogs/shop/web/b", "c": "", "../../run/other": ""} {
		pod := podOn("node-1", "a", "b")
		pod.Annotations = map[string]string{"kubectl.kubernetes.io/default-container": name}
		if to, err := find(t, "log").Connect(pod, url.Values{}, lookup); (err == nil) != (want != "") || to.Path != want {
			t.Errorf("the default container is %q: got %q, %v, want %q", name, to.Path, err, want)
		}
	}
}

func TestNobodyIsToldThatACertificateWasNotLookedAt(t *testing.T) {
	if to, err := find(t, "log").Connect(podOn("node-1", "a"), url.Values{"insecureSkipTLSVerifyBackend": {"true"}}, nil); err == nil {
		t.Errorf("got %v, want an error", to)
	}
}
