package refusal

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// nodeOf is a node with room for three pods.
func nodeOf(cpu, memory string) *corev1.Node {
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: "node-1", Labels: map[string]string{"zone": "a"}},
		Status: corev1.NodeStatus{Allocatable: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu),
			corev1.ResourceMemory: resource.MustParse(memory), corev1.ResourcePods: resource.MustParse("3")}},
	}
}

func web() *corev1.Pod {
	return &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "web"}}}}
}

// asking is a pod that requests so much.
func asking(name corev1.ResourceName, amount string) *corev1.Pod {
	pod := web()
	pod.Spec.Containers[0].Resources.Requests = corev1.ResourceList{name: resource.MustParse(amount)}
	return pod
}

// onPort is a pod that wants a port of the node.
func onPort(number int32, ip string) *corev1.Pod {
	pod := web()
	pod.Spec.Containers[0].Ports = []corev1.ContainerPort{{ContainerPort: number, HostPort: number, HostIP: ip}}
	return pod
}

func setting(sysctls ...string) *corev1.Pod {
	pod := web()
	pod.Spec.SecurityContext = &corev1.PodSecurityContext{}
	for _, name := range sysctls {
		pod.Spec.SecurityContext.Sysctls = append(pod.Spec.SecurityContext.Sysctls, corev1.Sysctl{Name: name, Value: "1"})
	}
	return pod
}

func TestANodeTakesOnlyWhatItHasRoomFor(t *testing.T) {
	some := web()
	elsewhere := web()
	elsewhere.Spec.NodeSelector = map[string]string{"zone": "b"}
	here := web()
	here.Spec.NodeSelector = map[string]string{"zone": "a"}
	for _, c := range []struct {
		what  string
		pod   *corev1.Pod
		taken []*corev1.Pod
		want  string
	}{
		{"room", some, []*corev1.Pod{some, some}, ""},
		{"no place", some, []*corev1.Pod{some, some, some}, "OutOfpods: Node didn't have enough resource: pods, requested: 1, used: 3, capacity: 3"},
		{"all of its CPU", asking("cpu", "2"), nil, ""},
		{"more", asking("cpu", "1500m"), []*corev1.Pod{asking("cpu", "600m")},
			"OutOfcpu: Node didn't have enough resource: cpu, requested: 1500, used: 600, capacity: 2000"},
		{"memory", asking("memory", "3Gi"), []*corev1.Pod{asking("memory", "2Gi")},
			"OutOfmemory: Node didn't have enough resource: memory, requested: 3221225472, used: 2147483648, capacity: 4294967296"},
		{"room on the disk of which nothing is known", asking("ephemeral-storage", "1"), nil,
			"OutOfephemeral-storage: Node didn't have enough resource: ephemeral-storage, requested: 1, used: 0, capacity: 0"},
		{"a thing that others lend", asking("example.com/gpu", "1"), nil, ""},
		{"safe parameters of the kernel", setting("net.ipv4.tcp_syncookies", "kernel/shm_rmid_forced"), nil, ""},
		{"one that is not safe", setting("net.ipv4.tcp_syncookies", "kernel/msgmax"), nil, `SysctlForbidden: forbidden sysctl: "kernel.msgmax" not allowlisted`},
		{"another zone", elsewhere, nil, "NodeAffinity: Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector"},
		{"this zone", here, nil, ""},
		{"a port", onPort(80, ""), []*corev1.Pod{onPort(81, "")}, ""},
		{"a port that is taken", onPort(80, "172.30.0.11"), []*corev1.Pod{onPort(80, "")},
			"NodePorts: Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports"},
	} {
		got := ""
		if refusal := Of(c.pod, nodeOf("2", "4Gi"), c.taken); refusal != nil {
			got = refusal.Reason + ": " + refusal.Message
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.what, got, c.want)
		}
	}
}

func TestATaintThatDrivesPodsOutKeepsThemOutAndOneForTheSchedulerDoesNot(t *testing.T) {
	pod, node := web(), nodeOf("2", "4Gi")
	node.Spec.Taints = []corev1.Taint{{Key: "full", Effect: corev1.TaintEffectNoSchedule}}
	if refusal := Of(pod, node, nil); refusal != nil {
		t.Errorf("a pod that was bound all the same: %+v", refusal)
	}
	node.Spec.Taints[0].Effect = corev1.TaintEffectNoExecute
	want := &Refusal{"TaintToleration", "Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate"}
	if diff := cmp.Diff(want, Of(pod, node, nil)); diff != "" {
		t.Error(diff)
	}
	pod.Spec.Tolerations = []corev1.Toleration{{Key: "full", Operator: corev1.TolerationOpExists}}
	if refusal := Of(pod, node, nil); refusal != nil {
		t.Errorf("a pod that tolerates it: %+v", refusal)
	}
}
