package pods

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// deleted is the pod after kubectl delete with a grace period, some time later.
func deleted(pod *corev1.Pod, grace, later time.Duration) *corev1.Pod {
	pod = pod.DeepCopy()
	pod.DeletionTimestamp = &metav1.Time{Time: now.Add(grace - later)}
	pod.DeletionGracePeriodSeconds = new(int64(grace / time.Second))
	return pod
}

// telling returns the pod with the status that the plan gives it, as if it had been written.
func telling(pod *corev1.Pod, have Current) *corev1.Pod {
	pod = pod.DeepCopy()
	pod.Status = Plan(pod, have, now).Status
	return pod
}

func TestAPodThatItsNodeCannotKeepFailsWhenNothingRunsAnyMore(t *testing.T) {
	pod := podOf(corev1.RestartPolicyAlways, "web")
	pod.Status.Phase = corev1.PodRunning
	have := sandboxed(running("web", 0, time.Hour))
	have.Evicted = "it is too large"
	check(t, "at first", actions(pod, have), "stop container web with 2s of grace: Stopping container web")
	check(t, "phase while it runs", string(Plan(pod, have, now).Status.Phase), "Running")
	have.Containers[0] = exited("web", 0, 0, 137, time.Second)
	status := Plan(pod, have, now).Status
	check(t, "at last", fmt.Sprint(status.Phase, " ", status.Reason, ": ", status.Message), "Failed Evicted: it is too large")
	if c := condition(&status, corev1.DisruptionTarget); c == nil || c.Reason != "TerminationByKubelet" {
		t.Errorf("condition: %v", c)
	}
	check(t, "its container is not started again", actions(pod, have), "stop sandbox s0")
	pod.Status, have.Evicted = status, ""
	check(t, "to another kubelet", told(Plan(pod, have, now).Status), "Failed, web exited with code 137 (Error)")
}

func TestADeletedPodEndsStepByStep(t *testing.T) {
	pod := telling(podOf(corev1.RestartPolicyAlways, "web"), sandboxed(running("web", 0, time.Hour)))
	pod = deleted(pod, 30*time.Second, time.Second)

	check(t, "first its containers", actions(pod, sandboxed(running("web", 0, time.Hour))), "stop container web with 29s of grace: Stopping container web")

	have := sandboxed(exited("web", 0, 0, 0, time.Second))
	check(t, "then its sandbox", actions(pod, have), "stop sandbox s0")

	have.Sandboxes[0].Ready = false
	check(t, "but its records stay until the API knows how it ended", actions(pod, have), "")
	pod = telling(pod, have)
	have.Busy["stop sandbox s0"] = time.Time{}
	check(t, "and until all of the end has been heard", actions(pod, have), "")
	delete(have.Busy, "stop sandbox s0")
	check(t, "and go then", actions(pod, have), "remove sandbox s0")

	check(t, "at last the object", actions(pod, nothing()), "delete the pod from the API")
}

func TestAPodIsNotDeletedWhileAJobIsUnderWay(t *testing.T) {
	pod := telling(deleted(podOf(corev1.RestartPolicyAlways, "web"), 30*time.Second, 0), nothing())
	for _, job := range []string{"create sandbox", "remove sandbox s0"} {
		have := nothing()
		have.Busy[job] = time.Time{}
		check(t, job, actions(pod, have), "")
	}
	have := sandboxed()
	have.Busy[startJob("web", 0)] = time.Time{}
	check(t, "a container is about to run in the sandbox", actions(pod, have), "")
}

func TestAPodIsNotDeletedBeforeAllIsTold(t *testing.T) {
	pod := deleted(podOf(corev1.RestartPolicyAlways, "web"), 30*time.Second, 0)
	check(t, "how it ended is not told", actions(pod, nothing()), "")
	check(t, "it is", actions(telling(pod, nothing()), nothing()), "delete the pod from the API")
}

func TestADeletedPodWaitsForNoPull(t *testing.T) {
	have := nothing()
	have.Busy["pull web"] = time.Time{}
	check(t, "the plan", actions(deleted(podOf(corev1.RestartPolicyAlways, "web"), 30*time.Second, 0), have), "cancel: pull web")
}

func TestADeletedPodStartsNothing(t *testing.T) {
	have := sandboxed(exited("web", 0, 0, 1, time.Hour)).withImage("web", 1)
	check(t, "the plan", actions(deleted(podOf(corev1.RestartPolicyAlways, "web"), 30*time.Second, 0), have), "stop sandbox s0")
}

func TestAShorterGraceTakesTheLongerOnesPlace(t *testing.T) {
	pod := podOf(corev1.RestartPolicyAlways, "web")
	have := sandboxed(running("web", 0, time.Hour))
	have.Busy["stop web-0"] = now.Add(30 * time.Second)
	check(t, "the stop is under way", actions(deleted(pod, 30*time.Second, 0), have), "")
	rounded := deleted(pod, 5*time.Second, -300*time.Millisecond) // as the API server writes it, in whole seconds
	check(t, "no more than was asked for", actions(rounded, have), "stop container web with 5s of grace: Stopping container web")
	check(t, "somebody has lost patience", actions(deleted(pod, 5*time.Second, 0), have), "stop container web with 5s of grace: Stopping container web")
}

func TestAKubeletThatWasAwayGivesNoMoreGraceThanIsLeft(t *testing.T) {
	have := sandboxed(running("web", 0, time.Hour))
	check(t, "20 s of 30 are over", actions(deleted(podOf(corev1.RestartPolicyAlways, "web"), 30*time.Second, 20*time.Second), have),
		"stop container web with 10s of grace: Stopping container web")
	check(t, "all are over", actions(deleted(podOf(corev1.RestartPolicyAlways, "web"), 30*time.Second, time.Hour), have),
		"stop container web with 2s of grace: Stopping container web")
}

func TestTheObjectIsNotDeletedTwice(t *testing.T) {
	pod := deleted(podOf(corev1.RestartPolicyAlways, "web"), 0, 0) // the API keeps it for its finalizers
	pod = telling(pod, nothing())
	check(t, "the plan", actions(pod, nothing()), "")
}

func TestAPodThatTheAPIDoesNotKnowIsTornDown(t *testing.T) {
	check(t, "its containers end soon", actions(nil, sandboxed(running("web", 0, time.Hour))), "stop container web with 2s of grace: Stopping container web")
	have := sandboxed(exited("web", 0, 0, 0, time.Second))
	check(t, "its sandbox is stopped", actions(nil, have), "stop sandbox s0")
	have.Sandboxes[0].Ready = false
	check(t, "and removed", actions(nil, have), "remove sandbox s0")
	check(t, "and nothing is left", actions(nil, nothing()), "forget the pod")
}

func TestAPodThatRanForTooLongFails(t *testing.T) {
	pod := podOf(corev1.RestartPolicyAlways, "web")
	pod.Spec.ActiveDeadlineSeconds = new(int64(60))
	pod.Status.StartTime = &metav1.Time{Time: ago(59 * time.Second)}
	have := sandboxed(running("web", 0, time.Hour))
	decision := Plan(pod, have, now)
	check(t, "a second before", fmt.Sprint(decision.Actions, decision.Wake.At.Sub(now)), "[] 1s")

	pod.Status.StartTime.Time = ago(60 * time.Second)
	pod.Status.Phase = corev1.PodRunning
	decision = Plan(pod, have, now)
	check(t, "then", fmt.Sprint(decision.Actions, " ", decision.Status.Phase), "[stop container web with 30s of grace: Stopping container web] Running")

	have = sandboxed(exited("web", 0, 0, 0, time.Second))
	decision = Plan(pod, have, now)
	check(t, "whatever its exit code", fmt.Sprint(decision.Actions, " ", decision.Status.Phase, " ", decision.Status.Reason), "[stop sandbox s0] Failed DeadlineExceeded")
}

func TestWhatIsFinishedStaysFinished(t *testing.T) {
	pod := podOf(corev1.RestartPolicyAlways, "web")
	pod.Status.Phase = corev1.PodFailed // evicted, say
	check(t, "nothing runs on", actions(pod, sandboxed(running("web", 0, time.Hour))), "stop container web with 30s of grace: Stopping container web")
	check(t, "nothing starts again", actions(pod, sandboxed(exited("web", 0, 0, 1, time.Hour))), "stop sandbox s0")
}

func TestADeletedPodHasSucceededIfAllItsContainersDid(t *testing.T) {
	pod := deleted(podOf(corev1.RestartPolicyAlways, "web"), 30*time.Second, 0)
	for code, phase := range map[int32]corev1.PodPhase{0: corev1.PodSucceeded, 143: corev1.PodFailed} {
		status := Plan(pod, sandboxed(exited("web", 0, 0, code, time.Second)), now).Status
		check(t, fmt.Sprintf("exit code %d", code), string(status.Phase), string(phase))
	}
	check(t, "it never ran", string(Plan(pod, nothing(), now).Status.Phase), string(corev1.PodFailed))
}
