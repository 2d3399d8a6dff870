package pods

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubelab/kube/pods/observed"
)

// told is a pod's status in a line: its phase, and what each container is doing.
func told(status corev1.PodStatus) string {
	words := []string{string(status.Phase)}
	for _, c := range status.ContainerStatuses {
		words = append(words, c.Name+" "+word(c.State))
	}
	return strings.Join(words, ", ")
}

func TestPhaseSumsUpTheContainers(t *testing.T) {
	pod := podOf(corev1.RestartPolicyOnFailure, "a", "b")
	for _, c := range []struct {
		have Current
		want string
	}{
		{nothing(), "Pending, a waits: ContainerCreating, b waits: ContainerCreating"},
		{sandboxed(running("a", 0, 1)), "Pending, a runs, b waits: ContainerCreating"},
		{sandboxed(running("a", 0, 1), running("b", 0, 1)), "Running, a runs, b runs"},
		{sandboxed(running("a", 0, 1), exited("b", 0, 0, 0, 1)), "Running, a runs, b exited with code 0 (Completed)"},
		{sandboxed(exited("a", 0, 0, 0, 1), exited("b", 0, 0, 0, 1)), "Succeeded, a exited with code 0 (Completed), b exited with code 0 (Completed)"},
		{sandboxed(exited("a", 0, 0, 0, 1), exited("b", 1, 1, 1, 1)), "Running, a exited with code 0 (Completed), b waits: CrashLoopBackOff"},
	} {
		check(t, "status", told(Plan(pod, c.have, now).Status), c.want)
	}
	pod.Spec.RestartPolicy = corev1.RestartPolicyNever
	check(t, "status", told(Plan(pod, sandboxed(exited("a", 0, 0, 0, 1), exited("b", 0, 0, 3, 1)), now).Status),
		"Failed, a exited with code 0 (Completed), b exited with code 3 (Error)")
}

func TestConditionsKeepTheTimeOfTheirLastTransition(t *testing.T) {
	pod := podOf(corev1.RestartPolicyAlways, "web")
	long := metav1.Time{Time: ago(time.Hour)}
	pod.Status.Conditions = []corev1.PodCondition{
		{Type: corev1.PodScheduled, Status: corev1.ConditionTrue, LastTransitionTime: long},
		{Type: "example.com/gate", Status: corev1.ConditionTrue, LastTransitionTime: long}, // somebody else's
		{Type: corev1.PodReady, Status: corev1.ConditionFalse, LastTransitionTime: long},
	}
	status := Plan(pod, sandboxed(running("web", 0, 1)), now).Status
	for kind, since := range map[corev1.PodConditionType]time.Time{
		corev1.PodScheduled: long.Time, "example.com/gate": long.Time, corev1.PodReady: now, corev1.ContainersReady: now,
		corev1.PodInitialized: now, corev1.PodReadyToStartContainers: now,
	} {
		c := condition(&status, kind)
		if c == nil || c.Status != corev1.ConditionTrue || !c.LastTransitionTime.Equal(&metav1.Time{Time: since}) {
			t.Errorf("condition %s: %+v, want it True since %v", kind, c, since)
		}
	}
}

func TestAPodIsNotReadyBeforeAllItsContainersAre(t *testing.T) {
	pod := podOf(corev1.RestartPolicyAlways, "a", "b")
	status := Plan(pod, sandboxed(running("a", 0, 1)), now).Status
	ready := condition(&status, corev1.PodReady)
	check(t, "ready", fmt.Sprintf("%s, %s: %s", ready.Status, ready.Reason, ready.Message), "False, ContainersNotReady: containers with unready status: [b]")
}

func TestWhatAJobHasMadeIsToldWhenTheJobHasTold(t *testing.T) {
	pod := podOf(corev1.RestartPolicyAlways, "web")
	have := doing(sandboxed(running("web", 0, 1)), StartContainer{Container: "web"})
	check(t, "it runs already, but nobody knows why", word(Plan(pod, have, now).Status.ContainerStatuses[0].State), "waits: ContainerCreating")
	have = doing(sandboxed(running("web", 0, 1)))
	check(t, "now", word(Plan(pod, have, now).Status.ContainerStatuses[0].State), "runs")

	status := Plan(pod, doing(sandboxed(), CreateSandbox{}), now).Status
	check(t, "the sandbox", string(condition(&status, corev1.PodReadyToStartContainers).Status), "False")
}

func TestAPodThatHasDoneItsWorkIsInitializedAndNotReadyForItIsCompleted(t *testing.T) {
	pod := podOf(corev1.RestartPolicyNever, "web")
	status := Plan(pod, sandboxed(exited("web", 0, 0, 0, 1)), now).Status
	for kind, want := range map[corev1.PodConditionType]corev1.ConditionStatus{
		corev1.PodInitialized: corev1.ConditionTrue, corev1.PodReady: corev1.ConditionFalse, corev1.ContainersReady: corev1.ConditionFalse} {
		if c := condition(&status, kind); c.Status != want || c.Reason != "PodCompleted" {
			t.Errorf("%s: %+v", kind, c)
		}
	}
}

func TestAnEventNamesTheListInWhichItsContainerStands(t *testing.T) {
	pod := podOf(corev1.RestartPolicyAlways, "web")
	pod.Spec.InitContainers = []corev1.Container{{Name: "first"}}
	pod.Spec.EphemeralContainers = []corev1.EphemeralContainer{{EphemeralContainerCommon: corev1.EphemeralContainerCommon{Name: "debugger"}}}
	for container, want := range map[string]string{"web": "spec.containers{web}", "first": "spec.initContainers{first}",
		"debugger": "spec.ephemeralContainers{debugger}", "": "", "stranger": ""} {
		check(t, container, partOf(pod, container).FieldPath, want)
	}
}

func TestAStatusSaysHowVolumesAreMounted(t *testing.T) {
	pod := podOf(corev1.RestartPolicyAlways, "web")
	pod.Spec.Containers[0].VolumeMounts = []corev1.VolumeMount{
		{Name: "a", MountPath: "/a", SubPath: "x"},
		{Name: "a", MountPath: "/b", ReadOnly: true},
		{Name: "a", MountPath: "/c", ReadOnly: true, RecursiveReadOnly: new(corev1.RecursiveReadOnlyIfPossible)},
	}
	for name, have := range map[string]Current{"it waits": nothing(), "it runs": sandboxed(running("web", 0, time.Hour))} {
		if diff := cmp.Diff([]corev1.VolumeMountStatus{
			{Name: "a", MountPath: "/a"},
			{Name: "a", MountPath: "/b", ReadOnly: true, RecursiveReadOnly: new(corev1.RecursiveReadOnlyDisabled)},
			{Name: "a", MountPath: "/c", ReadOnly: true, RecursiveReadOnly: new(corev1.RecursiveReadOnlyEnabled)},
		}, Plan(pod, have, now).Status.ContainerStatuses[0].VolumeMounts); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestAReadinessGateHoldsThePodBackUntilItsConditionIsTrue(t *testing.T) {
	pod := podOf(corev1.RestartPolicyAlways, "web")
	pod.Spec.ReadinessGates = []corev1.PodReadinessGate{{ConditionType: "example.com/gate"}}
	have := sandboxed(running("web", 0, 1))
	status := Plan(pod, have, now).Status
	if c := condition(&status, corev1.PodReady); c.Status != corev1.ConditionFalse || c.Reason != "ReadinessGatesNotReady" ||
		c.Message != `corresponding condition of pod readiness gate "example.com/gate" does not exist.` {
		t.Errorf("nobody has said anything: %+v", c)
	}
	pod.Status.Conditions = []corev1.PodCondition{{Type: "example.com/gate", Status: corev1.ConditionFalse}}
	status = Plan(pod, have, now).Status
	if c := condition(&status, corev1.PodReady); c.Message != `the status of pod readiness gate "example.com/gate" is not "True", but False` {
		t.Errorf("shut: %+v", c)
	}
	pod.Status.Conditions = []corev1.PodCondition{{Type: "example.com/gate", Status: corev1.ConditionTrue}}
	status = Plan(pod, have, now).Status
	if c := condition(&status, corev1.PodReady); c.Status != corev1.ConditionTrue {
		t.Errorf("open: %+v", c)
	}
}

func TestARestartedContainerRemembersHowItEndedLast(t *testing.T) {
	pod := podOf(corev1.RestartPolicyAlways, "web")
	pod = telling(pod, sandboxed(running("web", 0, time.Hour)))
	dead := exited("web", 0, 0, 3, time.Second)
	pod = telling(pod, sandboxed(dead))
	check(t, "it has ended", word(pod.Status.ContainerStatuses[0].State), "exited with code 3 (Error)")

	for _, have := range []Current{
		sandboxed(running("web", 1, 1), dead),
		sandboxed(running("web", 1, 1)), // the runtime has lost the record
	} {
		status := Plan(pod, have, now).Status.ContainerStatuses[0]
		check(t, "now", fmt.Sprintf("%s; %s; %d", word(status.State), word(status.LastTerminationState), status.RestartCount),
			"runs; exited with code 3 (Error); 1")
	}
}

func TestAContainerThatVanishedIsStartedAnewAndCounted(t *testing.T) {
	pod := telling(podOf(corev1.RestartPolicyAlways, "web"), sandboxed(running("web", 2, time.Hour)))
	have := nothing().withImage("web", 3)
	status := Plan(pod, have, now).Status.ContainerStatuses[0]
	check(t, "status", word(status.State)+"; "+word(status.LastTerminationState), "waits: ContainerCreating; exited with code 137 (ContainerStatusUnknown)")
	pod = telling(pod, have)
	check(t, "plan", actions(pod, sandboxed().withImage("web", 3)), "start container web (attempt 3) in sandbox s0")
}

func TestAStatusSaidAgainDoesNotChange(t *testing.T) {
	broken := nothing()
	broken.Failed["pull web"] = Failure{Reason: ErrImagePull, Message: "no", Count: 1, At: ago(time.Second)}
	for what, have := range map[string]Current{
		"nothing": nothing(), "running": sandboxed(running("web", 0, 1)), "broken": broken,
		"crashing": sandboxed(exited("web", 4, 4, 1, 1)), "restarted": sandboxed(running("web", 1, 1), exited("web", 0, 0, 1, 1)),
	} {
		for state, pod := range map[string]*corev1.Pod{
			"new": podOf(corev1.RestartPolicyAlways, "web"), "deleted": deleted(podOf(corev1.RestartPolicyAlways, "web"), time.Minute, 0),
			"once": telling(podOf(corev1.RestartPolicyNever, "web"), sandboxed(running("web", 0, 1))),
		} {
			once := telling(pod, have)
			if diff := cmp.Diff(once.Status, telling(once, have).Status); diff != "" {
				t.Errorf("%s, %s: the status does not settle:\n%s", what, state, diff)
			}
		}
	}
}

func TestWhyAContainerWaits(t *testing.T) {
	pod := podOf(corev1.RestartPolicyAlways, "web")
	for _, c := range []struct {
		what string
		have func(*Current)
		want string
	}{
		{"a pull has just failed", func(h *Current) {
			h.Failed["pull web"] = Failure{Reason: ErrImagePull, Message: "not found", Count: 1, At: now}
		}, "ErrImagePull: not found"},
		{"a pull failed a while ago", func(h *Current) {
			h.Failed["pull web"] = Failure{Reason: ErrImagePull, Message: "not found", Count: 1, At: ago(time.Second)}
		}, `ImagePullBackOff: Back-off pulling image "web:1": ErrImagePull: not found`},
		{"an image that may not be pulled", func(h *Current) {
			h.Failed["pull web"] = Failure{Reason: ErrImageNeverPull, Message: "never", Count: 1, At: ago(time.Minute)}
		}, "ErrImageNeverPull: never"},
		{"the runtime could not make it", func(h *Current) {
			h.Failed["start web 0"] = Failure{Reason: CreateContainerError, Message: "no space", Count: 1, At: now}
		}, "CreateContainerError: no space"},
		{"its program is missing", func(h *Current) {
			h.Containers = []observed.Container{exited("web", 0, 0, 127, 0)}
			h.Failed["start web 0"] = Failure{Reason: RunContainerError, Message: "exec: no such file", Count: 1, At: now}
		}, "RunContainerError: exec: no such file"},
		{"it crashes again and again", func(h *Current) {
			h.Containers = []observed.Container{exited("web", 2, 2, 1, 0)}
		}, "CrashLoopBackOff: back-off 20s restarting failed container=web pod=web-1_shop(u1)"},
	} {
		have := sandboxed()
		c.have(&have)
		waiting := Plan(pod, have, now).Status.ContainerStatuses[0].State.Waiting
		if waiting == nil {
			t.Errorf("%s: it does not wait", c.what)
			continue
		}
		check(t, c.what, waiting.Reason+": "+waiting.Message, c.want)
	}
}

func TestLastWordsAndOOMAreTold(t *testing.T) {
	dead := exited("web", 0, 0, 137, time.Second)
	dead.Reason, dead.Message = "OOMKilled", "I was at step 3"
	status := Plan(podOf(corev1.RestartPolicyNever, "web"), sandboxed(dead), now).Status
	ended := status.ContainerStatuses[0].State.Terminated
	check(t, "how it ended", fmt.Sprintf("%d %s: %s", ended.ExitCode, ended.Reason, ended.Message), "137 OOMKilled: I was at step 3")
	check(t, "its ID", ended.ContainerID, "kubelab://web-0")
}

func TestAPodThatComesUpQuicklyAndWithoutTroubleIsToldOfOnce(t *testing.T) {
	pod := podOf(corev1.RestartPolicyAlways, "web")
	up := func(seen time.Duration, change func(*Current)) Decision {
		have := sandboxed()
		have.Seen = ago(seen)
		change(&have)
		return Plan(pod, have, now)
	}
	none := func(*Current) {}
	if d := up(100*time.Millisecond, none); !d.Hold || d.Wake.At.Sub(now) != 100*time.Millisecond {
		t.Errorf("after 100 ms: hold %t, wake in %v", d.Hold, d.Wake.At.Sub(now))
	}
	if up(200*time.Millisecond, none).Hold {
		t.Error("after 200 ms nobody has been told that it is on its way")
	}
	if up(0, func(h *Current) { h.Containers = []observed.Container{running("web", 0, 0)} }).Hold {
		t.Error("that it runs is not told")
	}
	pod.Spec.Containers[0].EnvFrom = fromConfigMap("login")
	if up(0, none).Hold {
		t.Error("that it has trouble is not told")
	}
}

func TestAddressesOutliveTheSandbox(t *testing.T) {
	pod := telling(podOf(corev1.RestartPolicyNever, "web"), sandboxed(running("web", 0, 1)))
	check(t, "while it runs", pod.Status.PodIP, "10.244.1.2")
	have := sandboxed(exited("web", 0, 0, 0, 1))
	have.Sandboxes[0].Ready = false
	check(t, "when it is done", Plan(pod, have, now).Status.PodIP, "10.244.1.2")
	pod.Spec.HostNetwork = true
	check(t, "on the node's network", Plan(pod, sandboxed(running("web", 0, 1)), now).Status.PodIP, "172.30.0.11")
}

func TestWhatWaitedIsSaidToWaitUntilItRuns(t *testing.T) {
	pod := telling(podOf(corev1.RestartPolicyAlways, "web"), sandboxed(exited("web", 1, 1, 1, time.Second)))
	have := sandboxed(exited("web", 1, 1, 1, time.Minute))
	check(t, "it is due", actions(pod, have.withImage("web", 2)), "start container web (attempt 2) in sandbox s0")
	check(t, "and not told of before it runs", word(Plan(pod, have, now).Status.ContainerStatuses[0].State), "waits: CrashLoopBackOff")
}

func TestNewsAreToldOnce(t *testing.T) {
	pod := podOf(corev1.RestartPolicyAlways, "web")
	have := sandboxed(exited("web", 2, 2, 1, 0))
	crashing := Plan(pod, have, now).Status
	want := []News{{corev1.EventTypeWarning, "BackOff", "web", "Back-off restarting failed container web in pod web-1_shop(u1)"}}
	if diff := cmp.Diff(want, news(pod, crashing)); diff != "" {
		t.Error(diff)
	}
	pod.Status = crashing
	if again := news(pod, crashing); again != nil {
		t.Errorf("again: %v", again)
	}
	pod.Status.ContainerStatuses[0].State.Waiting = &corev1.ContainerStateWaiting{Reason: CreateContainerConfigError, Message: "no map"}
	unset := corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{Name: "web",
		State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: CreateContainerConfigError, Message: "no key"}}}}}
	want = []News{{corev1.EventTypeWarning, "Failed", "web", "Error: no key"}}
	if diff := cmp.Diff(want, news(pod, unset)); diff != "" {
		t.Errorf("the same reason with another message is news: %s", diff)
	}
}

func TestThatNobodyKnowsHowAContainerEndedIsSaidWhenNothingCanBecomeKnown(t *testing.T) {
	pod := deleted(podOf(corev1.RestartPolicyAlways, "web"), 30*time.Second, 0)
	starting := sandboxed()
	starting.Busy[startJob("web", 0)] = time.Time{}
	making := nothing()
	making.Busy[CreateSandbox{}.Job()] = time.Time{}
	stopped := sandboxed()
	stopped.Sandboxes[0].Ready = false
	for _, c := range []struct {
		what string
		have Current
		want string
	}{
		{"its container is being made", starting, "Pending, web waits: ContainerCreating"},
		{"its sandbox is", making, "Pending, web waits: ContainerCreating"},
		{"a kubelet before this one may have asked for it", sandboxed(), "Pending, web waits: ContainerCreating"},
		{"nothing can run in it any more", stopped, "Failed, web exited with code 137 (ContainerStatusUnknown)"},
	} {
		check(t, c.what, told(Plan(pod, c.have, now).Status), c.want)
	}
}

func TestAnAttemptCountsWhenItHasBegun(t *testing.T) {
	dead := exited("web", 0, 0, 3, time.Second)
	pod := telling(podOf(corev1.RestartPolicyAlways, "web"), sandboxed(dead))
	half := running("web", 1, 0)
	half.State = observed.Created
	if diff := cmp.Diff(pod.Status, Plan(pod, sandboxed(half, dead), now).Status); diff != "" {
		t.Errorf("the next one is being made, and may have to be made again: %s", diff)
	}
}

func TestTheLastTerminationIsThatOfTheAttemptBeforeAndOfNoOther(t *testing.T) {
	first := exited("web", 0, 0, 3, time.Hour)
	pod := telling(podOf(corev1.RestartPolicyAlways, "web"), sandboxed(running("web", 1, time.Minute), first))
	status := Plan(pod, sandboxed(running("web", 2, time.Second), first), now).Status.ContainerStatuses[0] // the second went with its sandbox
	check(t, "how it ended last", word(status.LastTerminationState), "exited with code 137 (ContainerStatusUnknown)")
}
