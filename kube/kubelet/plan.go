package kubelet

import (
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Machine is what a kubelet knows of the node that it speaks for.
type Machine struct {
	Name, IP string
	Port     int32 // of the kubelet
	CPU      resource.Quantity
	Memory   resource.Quantity
	Storage  resource.Quantity
	Info     corev1.NodeSystemInfo

	RuntimeDown string // why the runtime cannot start containers, empty if it can
	NetworkDown string // why it cannot give pods a network, empty if it can
}

const (
	maxPods = 110
	// heartbeat is how old a node's status may grow though nothing in it changes. That the node lives is
	// told by its Lease, which is smaller and renewed more often (KEP-589).
	heartbeat = 5 * time.Minute
)

// PlanLabels are the labels that the node lacks: those by which pods choose where to run.
func PlanLabels(node *corev1.Node, machine Machine) map[string]string {
	lacks := map[string]string{
		corev1.LabelHostname: machine.Name, corev1.LabelOSStable: machine.Info.OperatingSystem, corev1.LabelArchStable: machine.Info.Architecture,
	}
	maps.DeleteFunc(lacks, func(label, value string) bool { return node.Labels[label] == value })
	return lacks
}

// PlanStatus is what the node's status should be, and whether that is worth a write. What others write into it
// stays.
func PlanStatus(node *corev1.Node, machine Machine, now time.Time) (status corev1.NodeStatus, due bool) {
	before := node.Status
	status = *before.DeepCopy()
	status.Capacity = corev1.ResourceList{
		corev1.ResourceCPU: machine.CPU, corev1.ResourceMemory: machine.Memory, corev1.ResourceEphemeralStorage: machine.Storage,
		corev1.ResourcePods: *resource.NewQuantity(maxPods, resource.DecimalSI),
	}
	status.Allocatable = status.Capacity.DeepCopy()
	status.Addresses = []corev1.NodeAddress{
		{Type: corev1.NodeInternalIP, Address: machine.IP}, {Type: corev1.NodeHostName, Address: machine.Name}}
	status.DaemonEndpoints.KubeletEndpoint.Port = machine.Port
	status.NodeInfo = machine.Info
	mine := conditions(machine)
	oldest := now
	for _, c := range mine {
		if confirmed := set(&status, c, now); confirmed.Before(oldest) {
			oldest = confirmed
		}
	}
	if equality.Semantic.DeepEqual(before, status) && oldest.Add(heartbeat).After(now) {
		return status, false
	}
	for i := range status.Conditions {
		c := &status.Conditions[i]
		if slices.ContainsFunc(mine, func(own corev1.NodeCondition) bool { return own.Type == c.Type }) {
			c.LastHeartbeatTime = metav1.NewTime(now.Truncate(time.Second))
		}
	}
	return status, true
}

// conditions are how the node is. What this kubelet does not measure (pressure on memory, disk and process
// numbers) it says is well, as the scheduler takes a condition that is missing for a bad one.
func conditions(machine Machine) []corev1.NodeCondition {
	well := func(kind corev1.NodeConditionType, reason, message string) corev1.NodeCondition {
		return corev1.NodeCondition{Type: kind, Status: corev1.ConditionFalse, Reason: reason, Message: message}
	}
	ready := corev1.NodeCondition{Type: corev1.NodeReady, Status: corev1.ConditionTrue,
		Reason: "KubeletReady", Message: "kubelet is posting ready status"}
	var down []string
	if machine.RuntimeDown != "" {
		down = append(down, "container runtime is down: "+machine.RuntimeDown)
	}
	if machine.NetworkDown != "" {
		down = append(down, "container runtime network not ready: "+machine.NetworkDown)
	}
	if len(down) > 0 {
		ready.Status, ready.Reason, ready.Message = corev1.ConditionFalse, "KubeletNotReady", strings.Join(down, ", ")
	}
	return []corev1.NodeCondition{
		well(corev1.NodeMemoryPressure, "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
		well(corev1.NodeDiskPressure, "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
		well(corev1.NodePIDPressure, "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
		ready,
	}
}

// set puts a condition into the status and returns when it was last confirmed. The time of the last transition
// changes only with the condition.
func set(status *corev1.NodeStatus, c corev1.NodeCondition, now time.Time) time.Time {
	c.LastHeartbeatTime = metav1.NewTime(now.Truncate(time.Second))
	c.LastTransitionTime = c.LastHeartbeatTime
	for i := range status.Conditions {
		before := &status.Conditions[i]
		if before.Type != c.Type {
			continue
		}
		c.LastHeartbeatTime = before.LastHeartbeatTime
		if before.Status == c.Status {
			c.LastTransitionTime = before.LastTransitionTime
		}
		*before = c
		return c.LastHeartbeatTime.Time
	}
	status.Conditions = append(status.Conditions, c)
	return now
}
