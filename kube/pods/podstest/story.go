// Package podstest says which statuses of a pod can follow one another.
package podstest

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"kubelab/kube/api/podspec"
)

// phases in the order in which a pod goes through them; the last two are both the end.
var phases = []corev1.PodPhase{"", corev1.PodPending, corev1.PodRunning, corev1.PodSucceeded, corev1.PodFailed}

// Backwards says what of a pod's status is earlier in its story than what was said before, a line for each. It is empty if nothing is.
func Backwards(before, now corev1.PodStatus) string {
	var wrong []string
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	over := before.Phase == corev1.PodSucceeded || before.Phase == corev1.PodFailed
	if slices.Index(phases, now.Phase) < slices.Index(phases, before.Phase) || over && now.Phase != before.Phase {
		say("phase %s after %s", now.Phase, before.Phase)
	}
	if before.StartTime != nil && !before.StartTime.Equal(now.StartTime) {
		say("started at %v, and before at %v", now.StartTime, before.StartTime)
	}
	if before.PodIP != "" && now.PodIP == "" || len(now.PodIPs) < len(before.PodIPs) {
		say("address %q after %q", now.PodIP, before.PodIP)
	}
	for _, c := range before.Conditions {
		i := slices.IndexFunc(now.Conditions, func(other corev1.PodCondition) bool { return other.Type == c.Type })
		switch {
		case i < 0:
			say("no condition %s any more", c.Type)
		case now.Conditions[i].LastTransitionTime.Before(&c.LastTransitionTime):
			say("condition %s changed at %v, and before at %v", c.Type, now.Conditions[i].LastTransitionTime, c.LastTransitionTime)
		}
	}
	statuses := podspec.Statuses(&now)
	for _, c := range podspec.Statuses(&before) {
		i := slices.IndexFunc(statuses, func(other corev1.ContainerStatus) bool { return other.Name == c.Name })
		if i < 0 {
			say("no container %s any more", c.Name)
		} else if text := backwards(c, statuses[i]); text != "" {
			say("container %s %s", c.Name, text)
		}
	}
	return strings.Join(wrong, "\n")
}

// backwards is the same for one container: each of its attempts waits, runs, has ended.
func backwards(before, now corev1.ContainerStatus) string {
	switch {
	case now.RestartCount < before.RestartCount:
		return fmt.Sprintf("restarted %d times, after %d", now.RestartCount, before.RestartCount)
	case before.LastTerminationState.Terminated != nil && now.LastTerminationState.Terminated == nil:
		return "forgets how it ended last"
	case now.RestartCount > before.RestartCount:
		return ""
	case stage(now) < stage(before):
		return fmt.Sprintf("goes from %s to %s", words(before), words(now))
	case stage(before) == ended && exit(now).ExitCode != exit(before).ExitCode:
		return fmt.Sprintf("ends twice: %s, then %s", words(before), words(now))
	}
	return ""
}

// How far an attempt has come.
const (
	waits = iota
	runs
	ended
)

func stage(c corev1.ContainerStatus) int {
	switch {
	case c.State.Running != nil:
		return runs
	case exit(c) != nil:
		return ended
	}
	return waits
}

// exit is how the attempt ended, if it did. When the next one is to come, it stands in the last state.
func exit(c corev1.ContainerStatus) *corev1.ContainerStateTerminated {
	last := c.LastTerminationState.Terminated
	if c.State.Waiting != nil && last != nil && last.ContainerID == c.ContainerID {
		return last
	}
	return c.State.Terminated
}

func words(c corev1.ContainerStatus) string {
	switch {
	case c.State.Running != nil:
		return "running"
	case c.State.Terminated != nil:
		return fmt.Sprintf("exit code %d (%s)", c.State.Terminated.ExitCode, c.State.Terminated.Reason)
	case c.State.Waiting != nil:
		return "waiting (" + c.State.Waiting.Reason + ")"
	}
	return "nothing"
}
