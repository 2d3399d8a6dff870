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
	{Name: "Ready", Type: "string", Value: func(p *corev1.Pod) any { return readyText(p) }},
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

// row is what a table says of a pod's containers.
type row struct {
	ready    int
	word     string // for the state of the pod
	restarts int32
	last     metav1.Time // when a container last ended that was started anew
	done     bool        // the init containers are through, or were
}

// rowOf looks at the init containers first, up to the one that the pod is at. The main containers have something to say only when these are through.
func rowOf(pod *corev1.Pod) row {
	r := row{word: string(pod.Status.Phase), done: true}
	if pod.Status.Reason != "" {
		r.word = pod.Status.Reason
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Reason == corev1.PodReasonSchedulingGated {
			r.word = c.Reason
		}
	}
	sidecars := sidecarsOf(pod)
	var beside row // what sidecars add
	for i, c := range pod.Status.InitContainerStatuses {
		r.add(c)
		if sidecars[c.Name] {
			beside.add(c)
		}
		if c.State.Terminated != nil && c.State.Terminated.ExitCode == 0 {
			continue
		}
		if sidecars[c.Name] && c.Started != nil && *c.Started {
			if c.Ready {
				r.ready++
			}
			continue
		}
		r.word, r.done = initWord(c, i, len(pod.Spec.InitContainers)), false
		break
	}
	if r.done || conditionTrue(pod, corev1.PodInitialized) {
		r.restarts, r.last = beside.restarts, beside.last
		r.addMains(pod)
	}
	return r
}

func sidecarsOf(pod *corev1.Pod) map[string]bool {
	found := map[string]bool{}
	for _, c := range podspec.Members(&pod.Spec) {
		found[c.Name] = c.Role == podspec.Sidecar
	}
	return found
}

// initWord is how far a pod is that is at its init container i.
func initWord(c corev1.ContainerStatus, i, of int) string {
	trouble := whyNotRunning(c.State)
	if trouble == "" || trouble == "PodInitializing" {
		return fmt.Sprintf("Init:%d/%d", i, of)
	}
	return "Init:" + trouble
}

// add counts the restarts of a container.
func (r *row) add(c corev1.ContainerStatus) {
	r.restarts += c.RestartCount
	if ended := c.LastTerminationState.Terminated; ended != nil && r.last.Before(&ended.FinishedAt) {
		r.last = ended.FinishedAt
	}
}

// addMains has the first main container in trouble say the word.
func (r *row) addMains(pod *corev1.Pod) {
	running := false
	for _, c := range slices.Backward(pod.Status.ContainerStatuses) { // so that the first one has the last word
		r.add(c)
		if trouble := whyNotRunning(c.State); trouble != "" {
			r.word = trouble
		} else if c.Ready && c.State.Running != nil {
			running = true
			r.ready++
		}
	}
	switch {
	case r.word != "Completed" || !running:
	case conditionTrue(pod, corev1.PodReady): // one container is done, another goes on
		r.word = "Running"
	default:
		r.word = "NotReady"
	}
}

// readyText is how many containers are ready, of those that are to run as long as the pod: 1/2.
func readyText(pod *corev1.Pod) string {
	of := len(pod.Spec.Containers)
	for _, sidecar := range sidecarsOf(pod) {
		if sidecar {
			of++
		}
	}
	return fmt.Sprintf("%d/%d", rowOf(pod).ready, of)
}

// statusWord is one word for the state of a pod: its phase, unless there is something more telling.
func statusWord(pod *corev1.Pod) string {
	switch {
	case pod.DeletionTimestamp != nil && pod.Status.Reason == "NodeLost":
		return "Unknown"
	case pod.DeletionTimestamp != nil && !api.PodEnded(pod):
		return "Terminating"
	}
	return rowOf(pod).word
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
	r := rowOf(pod)
	if r.restarts == 0 || r.last.IsZero() {
		return fmt.Sprint(r.restarts)
	}
	return fmt.Sprintf("%d (%s ago)", r.restarts, api.Age(r.last))
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
