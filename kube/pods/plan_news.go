package pods

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"kubelab/kube/api/podspec"
)

// News is a line for people: what kubectl describe shows under Events.
type News struct{ Type, Reason, Container, Message string }

// news is what a new status says that the old one did not. Wording is that of upstream.
func news(pod *corev1.Pod, now corev1.PodStatus) []News {
	var all []News
	if why, refused := strings.CutPrefix(now.Message, rejected); refused && now.Message != pod.Status.Message {
		all = append(all, News{corev1.EventTypeWarning, now.Reason, "", why})
	}
	for _, status := range podspec.Statuses(&now) {
		before := podspec.StatusOf(&pod.Status, status.Name)
		waiting := status.State.Waiting
		if waiting == nil || before.State.Waiting != nil && *before.State.Waiting == *waiting {
			continue
		}
		tell := func(kind, reason, format string, args ...any) {
			all = append(all, News{kind, reason, status.Name, fmt.Sprintf(format, args...)})
		}
		switch waiting.Reason {
		case CrashLoopBackOff:
			tell(corev1.EventTypeWarning, "BackOff", "Back-off restarting failed container %s in pod %s_%s(%s)",
				status.Name, pod.Name, pod.Namespace, pod.UID)
		case ImagePullBackOff:
			tell(corev1.EventTypeNormal, "BackOff", "Back-off pulling image %q", status.Image)
			tell(corev1.EventTypeWarning, "Failed", "Error: %s", waiting.Reason)
		case ErrImagePull, ErrImageNeverPull:
			tell(corev1.EventTypeWarning, "Failed", "Error: %s", waiting.Reason)
		case CreateContainerConfigError, CreateContainerError, RunContainerError:
			tell(corev1.EventTypeWarning, "Failed", "Error: %s", waiting.Message)
		}
	}
	return all
}

// partOf is a pod, or one of its containers, as an event names it.
func partOf(pod *corev1.Pod, container string) *corev1.ObjectReference {
	part := &corev1.ObjectReference{
		Kind: "Pod", APIVersion: "v1", Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID, ResourceVersion: pod.ResourceVersion}
	if c := podspec.Find(&pod.Spec, container); c != nil {
		part.FieldPath = fmt.Sprintf("spec.%s{%s}", c.Field, c.Name)
	}
	return part
}

// summary says in a line what changes from one status to the next.
func summary(before, now corev1.PodStatus) string {
	var changes []string
	change := func(what, from, to string) {
		if from != to {
			changes = append(changes, what+to)
		}
	}
	change("phase ", string(before.Phase), string(now.Phase))
	for _, status := range podspec.Statuses(&now) {
		old := podspec.StatusOf(&before, status.Name)
		change("container "+status.Name+" ", word(old.State), word(status.State))
	}
	for _, kind := range []corev1.PodConditionType{corev1.PodReadyToStartContainers, corev1.PodReady} {
		from, to := condition(&before, kind), condition(&now, kind)
		if to != nil && (from == nil || from.Status != to.Status) {
			changes = append(changes, fmt.Sprintf("%s is %s", kind, to.Status))
		}
	}
	if len(changes) == 0 {
		return "details of the status"
	}
	return strings.Join(changes, ", ")
}

// word is a container's state in a word or two.
func word(state corev1.ContainerState) string {
	switch {
	case state.Running != nil:
		return "runs"
	case state.Terminated != nil:
		return fmt.Sprintf("exited with code %d (%s)", state.Terminated.ExitCode, state.Terminated.Reason)
	case state.Waiting != nil:
		return "waits: " + state.Waiting.Reason
	}
	return ""
}
