package kubelet

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var noon = time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)

func small() Machine {
	return Machine{Name: "node-1", IP: "172.30.0.11", Port: 10250, CPU: resource.MustParse("2"), Memory: resource.MustParse("4Gi"),
		Info: corev1.NodeSystemInfo{OperatingSystem: "linux", Architecture: "amd64"}}
}

func readiness(status corev1.NodeStatus) string {
	for _, c := range status.Conditions {
		if c.Type == corev1.NodeReady {
			return fmt.Sprintf("%s since %s: %s, %s", c.Status, c.LastTransitionTime.UTC().Format(time.TimeOnly), c.Reason, c.Message)
		}
	}
	return ""
}

// after is the node with the status that the plan gives it, as if it had been written.
func after(node *corev1.Node, machine Machine, at time.Time) *corev1.Node {
	node = node.DeepCopy()
	node.Status, _ = PlanStatus(node, machine, at)
	return node
}

func TestAStatusIsWrittenWhenItChangesAndNowAndThen(t *testing.T) {
	node := after(&corev1.Node{}, small(), noon)
	for later, want := range map[time.Duration]bool{0: false, heartbeat - time.Second: false, heartbeat: true} {
		if _, due := PlanStatus(node, small(), noon.Add(later)); due != want {
			t.Errorf("%v later: due %t", later, due)
		}
	}
	larger := small()
	larger.Memory = resource.MustParse("8Gi")
	if status, due := PlanStatus(node, larger, noon); !due || status.Allocatable.Memory().String() != "8Gi" {
		t.Errorf("with more memory: due %t, %v", due, status.Allocatable)
	}
}

func TestANodeIsReadyWhenItsRuntimeAndItsNetworkAre(t *testing.T) {
	machine := small()
	machine.NetworkDown = "NetworkReady=false reason:NetworkPluginNotReady message:no pod CIDR yet"
	node := after(&corev1.Node{}, machine, noon)
	want := "False since 12:00:00: KubeletNotReady, container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:no pod CIDR yet"
	if got := readiness(node.Status); got != want {
		t.Error(got)
	}
	node = after(node, small(), noon.Add(time.Second))
	if got := readiness(node.Status); got != "True since 12:00:01: KubeletReady, kubelet is posting ready status" {
		t.Error(got)
	}
	node = after(node, small(), noon.Add(time.Hour))
	if got := readiness(node.Status); got != "True since 12:00:01: KubeletReady, kubelet is posting ready status" {
		t.Errorf("an hour later: %s", got)
	}
}

func TestWhatOthersSayOfANodeStays(t *testing.T) {
	node := &corev1.Node{Status: corev1.NodeStatus{
		Conditions:      []corev1.NodeCondition{{Type: "example.com/Checked", Status: corev1.ConditionTrue, LastHeartbeatTime: metav1.NewTime(noon)}},
		VolumesAttached: []corev1.AttachedVolume{{Name: "disk"}},
	}}
	status := after(node, small(), noon.Add(time.Hour)).Status
	if !status.Conditions[0].LastHeartbeatTime.Time.Equal(noon) {
		t.Errorf("another's condition is confirmed: %+v", status.Conditions[0])
	}
	if status.Conditions[0].Type != "example.com/Checked" || len(status.Conditions) != 5 || len(status.VolumesAttached) != 1 {
		t.Errorf("the status: %+v", status)
	}
}

func TestANodeGetsTheLabelsThatItLacks(t *testing.T) {
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{corev1.LabelHostname: "node-1", corev1.LabelArchStable: "arm64"}}}
	got := fmt.Sprint(PlanLabels(node, small()))
	if want := "map[kubernetes.io/arch:amd64 kubernetes.io/os:linux]"; got != want {
		t.Errorf("it lacks %s, not %s", want, got)
	}
}
