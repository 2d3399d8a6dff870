package podkind

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubelab/kube/api"
	"kubelab/kube/api/podspec"
)

type podColumn = api.ColumnOf[*corev1.Pod]

var columns = []podColumn{
	{Name: "Ready", Type: "string", Value: func(p *corev1.Pod) any {
		return fmt.Sprintf("%d/%d", len(readyContainers(p)), len(p.Spec.Containers))
	}},
	{Name: "Status", Type: "string", Value: func(p *corev1.Pod) any { return statusWord(p) }},
	{Name: "Restarts", Type: "string", Value: func(p *corev1.Pod) any { return restartsText(p) }},
	api.AgeColumn[*corev1.Pod](),
	{Name: "IP", Type: "string", Wide: true, Value: func(p *corev1.Pod) any { return api.OrNone(p.Status.PodIP) }},
	{Name: "Node", Type: "string", Wide: true, Value: func(p *corev1.Pod) any { return api.OrNone(p.Spec.NodeName) }},
	{Name: "Nominated Node", Type: "string", Wide: true, Value: func(p *corev1.Pod) any {
		return api.OrNone(p.Status.NominatedNodeName)
	}},
	{Name: "Readiness Gates", Type: "string", Wide: true, Value: func(p *corev1.Pod) any { return gatesText(p) }},
}

// readyContainers are the containers that run and are ready.
func readyContainers(pod *corev1.Pod) []corev1.ContainerStatus {
	var ready []corev1.ContainerStatus
	for _, c := range podspec.Statuses(&pod.Status) {
		if c.Ready && c.State.Running != nil {
			ready = append(ready, c)
		}
	}
	return ready
}

// statusWord is one word for the state of a pod: its phase, unless there is something more telling, as why its first
// troubled container does not run.
func statusWord(pod *corev1.Pod) string {
	if pod.DeletionTimestamp != nil && !api.PodEnded(pod) {
		if pod.Status.Reason == "NodeLost" {
			return "Unknown"
		}
		return "Terminating"
	}
	word := string(pod.Status.Phase)
	if pod.Status.Reason != "" {
		word = pod.Status.Reason
	}
	for _, c := range slices.Backward(podspec.Statuses(&pod.Status)) { // so that the first one has the last word
		if trouble := whyNotRunning(c.State); trouble != "" {
			word = trouble
		}
	}
	if word != "Completed" || len(readyContainers(pod)) == 0 {
		return word
	}
	if conditionTrue(pod, corev1.PodReady) { // one container is done, another goes on
		return "Running"
	}
	return "NotReady"
}

func whyNotRunning(state corev1.ContainerState) string {
	switch {
	case state.Waiting != nil:
		return state.Waiting.Reason
	case state.Terminated == nil:
		return ""
	case state.Terminated.Reason != "":
		return state.Terminated.Reason
	case state.Terminated.Signal != 0:
		return fmt.Sprintf("Signal:%d", state.Terminated.Signal)
	}
	return fmt.Sprintf("ExitCode:%d", state.Terminated.ExitCode)
}

// restartsText is how often containers were started anew, and when one last was: 2 (5m ago).
func restartsText(pod *corev1.Pod) string {
	count, last := int32(0), metav1.Time{}
	for _, c := range podspec.Statuses(&pod.Status) {
		count += c.RestartCount
		if ended := c.LastTerminationState.Terminated; ended != nil && last.Before(&ended.FinishedAt) {
			last = ended.FinishedAt
		}
	}
	if count == 0 || last.IsZero() {
		return fmt.Sprint(count)
	}
	return fmt.Sprintf("%d (%s ago)", count, api.Age(last))
}

func gatesText(pod *corev1.Pod) string {
	if len(pod.Spec.ReadinessGates) == 0 {
		return "<none>"
	}
	open := 0
	for _, gate := range pod.Spec.ReadinessGates {
		if conditionTrue(pod, gate.ConditionType) {
			open++
		}
	}
	return fmt.Sprintf("%d/%d", open, len(pod.Spec.ReadinessGates))
}

func conditionTrue(pod *corev1.Pod, kind corev1.PodConditionType) bool {
	for _, c := range pod.Status.Conditions {
		if c.Type == kind {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}
