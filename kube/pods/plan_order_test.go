package pods

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubelab/kube/pods/observed"
)

// withInits is a pod with init containers of these names before its main container; one that begins with s is a sidecar.
func withInits(policy corev1.RestartPolicy, names ...string) *corev1.Pod {
	pod := podOf(policy, "main")
	for _, name := range names {
		c := corev1.Container{Name: name, Image: name + ":1", ImagePullPolicy: corev1.PullIfNotPresent}
		if name[0] == 's' {
			c.RestartPolicy = new(corev1.ContainerRestartPolicyAlways)
		}
		pod.Spec.InitContainers = append(pod.Spec.InitContainers, c)
	}
	return pod
}

// states are what a status says of a pod and its containers, in a line.
func states(status corev1.PodStatus) string {
	text := string(status.Phase)
	for _, c := range append(status.InitContainerStatuses, status.ContainerStatuses...) {
		text += fmt.Sprintf(", %s %s", c.Name, word(c.State))
		if c.Ready {
			text += " (ready)"
		}
	}
	return text
}

func TestAPodWaitsForItsInitContainersAndSaysForWhich(t *testing.T) {
	pod := withInits(corev1.RestartPolicyAlways, "a", "b")
	for _, c := range []struct {
		have                      Current
		actions, states, unclosed string
	}{
		{nothing(), "create sandbox (attempt 0)\npull a:1 for a (IfNotPresent)",
			"Pending, a waits: PodInitializing, b waits: PodInitializing, main waits: PodInitializing", "[a b]"},
		{sandboxed(running("a", 0, time.Second)), "",
			"Pending, a runs, b waits: PodInitializing, main waits: PodInitializing", "[a b]"},
		{sandboxed(exited("a", 0, 0, 0, time.Second)).withImage("b", 0), "start container b (attempt 0) in sandbox s0",
			"Pending, a exited with code 0 (Completed) (ready), b waits: PodInitializing, main waits: PodInitializing", "[b]"},
		{sandboxed(exited("a", 0, 0, 0, time.Second), exited("b", 0, 0, 0, time.Second)), "pull main:1 for main (IfNotPresent)",
			"Pending, a exited with code 0 (Completed) (ready), b exited with code 0 (Completed) (ready), main waits: PodInitializing", ""},
		{sandboxed(exited("a", 0, 0, 0, time.Second), exited("b", 0, 0, 0, time.Second), running("main", 0, 0)), "",
			"Running, a exited with code 0 (Completed) (ready), b exited with code 0 (Completed) (ready), main runs (ready)", ""},
	} {
		decision := Plan(pod, c.have, now)
		check(t, c.states, actions(pod, c.have), c.actions)
		check(t, c.states, states(decision.Status), c.states)
		got := *condition(&decision.Status, corev1.PodInitialized)
		want := corev1.PodCondition{Type: corev1.PodInitialized, Status: corev1.ConditionTrue, LastTransitionTime: metav1.Time{Time: now}}
		if c.unclosed != "" {
			want.Status, want.Reason, want.Message = corev1.ConditionFalse, "ContainersNotInitialized", "containers with incomplete status: "+c.unclosed
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.states, diff)
		}
	}
}

func TestAnInitContainerThatFailsIsBackedOffOrEndsThePod(t *testing.T) {
	have := sandboxed(exited("a", 1, 1, 3, time.Second))
	pod := withInits(corev1.RestartPolicyAlways, "a")
	decision := Plan(pod, have, now)
	check(t, "it is tried again", states(decision.Status), "Pending, a waits: CrashLoopBackOff, main waits: PodInitializing")
	check(t, "after", decision.Wake.At.Sub(now).String(), "9s")

	pod = withInits(corev1.RestartPolicyNever, "sidecar", "a")
	have = sandboxed(exited("a", 0, 0, 3, time.Second), running("sidecar", 0, time.Minute))
	check(t, "the pod is to end, and what runs in it before", actions(pod, have), "stop container sidecar with 29s of grace: Stopping container sidecar")
	check(t, "until then", string(Plan(pod, have, now).Status.Phase), "Pending")
	have = sandboxed(exited("a", 0, 0, 3, time.Second), exited("sidecar", 0, 0, 143, time.Second))
	decision = Plan(pod, have, now)
	check(t, "then", states(decision.Status), "Failed, sidecar exited with code 143 (Error), a exited with code 3 (Error), main waits: PodInitializing")
	check(t, "then", fmt.Sprint(decision.Actions), "[stop sandbox s0]")
}

func TestWhatIsInitializedIsNotInitializedAgainButInANewSandbox(t *testing.T) {
	pod := withInits(corev1.RestartPolicyAlways, "a")
	have := sandboxed(exited("a", 0, 0, 0, time.Minute), exited("main", 0, 0, 1, time.Second)).withImage("main", 1).withImage("a", 1)
	check(t, "a main container has ended", actions(pod, have), "start container main (attempt 1) in sandbox s0")

	have.Sandboxes = []observed.Sandbox{{ID: "s1", Attempt: 1, Ready: true, IPs: []string{"10.244.1.3"}}, {ID: "s0"}}
	check(t, "in a new sandbox", actions(telling(pod, have), have), "start container a (attempt 1) in sandbox s1")

	unknown := sandboxed().withImage("main", 0).withImage("a", 1)
	pod = telling(pod, sandboxed(exited("a", 0, 0, 0, time.Minute)))
	check(t, "its record is gone", actions(pod, unknown), "start container main (attempt 0) in sandbox s0")
	unknown.Sandboxes[0].Attempt = 1
	check(t, "and so is the sandbox in which it ran", actions(pod, unknown), "start container a (attempt 1) in sandbox s0")
}

func TestARuntimeThatHasForgottenAPodMakesItsSandboxAnew(t *testing.T) {
	pod := telling(withInits(corev1.RestartPolicyAlways, "a"), sandboxed(exited("a", 0, 0, 0, time.Minute)))
	check(t, "it is not the first", actions(pod, nothing()), "create sandbox (attempt 1)\npull a:1 for a (IfNotPresent)")
}

func TestAnotherImageOfAnInitContainerIsTakenWithItsNextAttempt(t *testing.T) {
	pod := withInits(corev1.RestartPolicyAlways, "a", "sidecar")
	pod.Spec.InitContainers[0].Image, pod.Spec.InitContainers[1].Image = "a:2", "sidecar:2"
	check(t, "it runs", actions(pod, sandboxed(running("a", 0, time.Second))), "")
	check(t, "it failed", actions(pod, sandboxed(exited("a", 0, 0, 1, time.Second))), "pull a:2 for a (IfNotPresent)")
	check(t, "it is done, but the sidecar runs on", actions(pod, sandboxed(exited("a", 0, 0, 0, time.Second), running("sidecar", 0, time.Second)).withImage("main", 0)),
		"stop container sidecar with 30s of grace: Container sidecar definition changed, will be restarted\nstart container main (attempt 0) in sandbox s0")
}

func TestASidecarIsRestartedWithoutThePodAndOutlivesTheMainContainer(t *testing.T) {
	pod := withInits(corev1.RestartPolicyNever, "sidecar")
	dead := sandboxed(running("main", 0, time.Minute), exited("sidecar", 0, 0, 0, time.Second)).withImage("sidecar", 1)
	check(t, "it has ended", actions(pod, dead), "start container sidecar (attempt 1) in sandbox s0")
	check(t, "it has ended", states(Plan(telling(pod, dead), dead, now).Status), "Running, sidecar exited with code 0 (Completed), main runs (ready)")
	unready := condition(new(Plan(pod, dead, now).Status), corev1.ContainersReady)
	check(t, "it has ended", unready.Message, "containers with unready status: [sidecar]")

	done := sandboxed(exited("main", 0, 0, 0, 10*time.Second), running("sidecar", 0, time.Minute))
	check(t, "the work is done", actions(pod, done), "stop container sidecar with 20s of grace: Stopping container sidecar")
	check(t, "the work is done", string(Plan(pod, done, now).Status.Phase), "Running")
	done.Containers[1] = exited("sidecar", 0, 0, 143, time.Second)
	decision := Plan(pod, done, now)
	check(t, "the sidecar too", states(decision.Status), "Succeeded, sidecar exited with code 143 (Error), main exited with code 0 (Completed)")
	check(t, "the sidecar too", fmt.Sprint(decision.Actions), "[stop sandbox s0]")
	done.Containers[0].ExitCode = 2
	check(t, "the main container's code counts", string(Plan(pod, done, now).Status.Phase), "Failed")
}

func TestADeletedPodStopsItsSidecarsLastAndInReverse(t *testing.T) {
	pod := withInits(corev1.RestartPolicyAlways, "s1", "s2")
	pod.DeletionTimestamp, pod.DeletionGracePeriodSeconds = &metav1.Time{Time: now.Add(30 * time.Second)}, new(int64(30))
	have := sandboxed(running("main", 0, time.Minute), running("s1", 0, time.Minute), running("s2", 0, time.Minute))
	for i, want := range []string{"main", "s2", "s1"} {
		check(t, "next", actions(pod, have), fmt.Sprintf("stop container %s with 30s of grace: Stopping container %s", want, want))
		have.Containers[[]int{0, 2, 1}[i]] = exited(want, 0, 0, 143, 0)
	}
	have.Containers[1] = running("s1", 0, time.Minute)
	late := Plan(pod, have, now.Add(40*time.Second)).Actions
	check(t, "the grace is used up", fmt.Sprint(late), "[stop container s1 with 2s of grace: Stopping container s1]")
}

func TestAContainersOwnRulesComeBeforeThePodsPolicy(t *testing.T) {
	pod := podOf(corev1.RestartPolicyAlways, "main")
	c := &pod.Spec.Containers[0]
	c.RestartPolicy = new(corev1.ContainerRestartPolicyNever)
	c.RestartPolicyRules = []corev1.ContainerRestartRule{{Action: corev1.ContainerRestartRuleActionRestart,
		ExitCodes: &corev1.ContainerRestartRuleOnExitCodes{Operator: corev1.ContainerRestartRuleOnExitCodesOpIn, Values: []int32{42}}}}
	again := func(code int32) string {
		return actions(pod, sandboxed(exited("main", 0, 0, code, time.Second)).withImage("main", 1))
	}
	check(t, "a code of its rules", again(42), "start container main (attempt 1) in sandbox s0")
	check(t, "another one", again(1), "stop sandbox s0")
	c.RestartPolicyRules[0].ExitCodes.Operator = corev1.ContainerRestartRuleOnExitCodesOpNotIn
	check(t, "another one, where all others are to", again(1), "start container main (attempt 1) in sandbox s0")
	check(t, "the one that is not to", again(42), "stop sandbox s0")
}

func TestAnEphemeralContainerIsStartedOnceInAPodThatRuns(t *testing.T) {
	pod := podOf(corev1.RestartPolicyAlways, "main")
	pod.Spec.EphemeralContainers = []corev1.EphemeralContainer{{EphemeralContainerCommon: corev1.EphemeralContainerCommon{
		Name: "debug", Image: "debug:1", ImagePullPolicy: corev1.PullIfNotPresent}, TargetContainerName: "main"}}
	have := sandboxed(running("main", 0, time.Minute)).withImage("debug", 0)
	check(t, "it was added", actions(pod, have), "start container debug (attempt 0) in sandbox s0")
	have.Containers = append(have.Containers, running("debug", 0, time.Second))
	status := Plan(pod, have, now).Status
	check(t, "it runs", fmt.Sprint(status.Phase, len(status.EphemeralContainerStatuses), word(status.EphemeralContainerStatuses[0].State)), "Running1runs")
	check(t, "the pod is as ready as before", string(condition(&status, corev1.PodReady).Status), "True")
	have.Containers[1] = exited("debug", 0, 0, 1, time.Second)
	check(t, "it has ended", actions(pod, have.withImage("debug", 1)), "")
	have.Containers[0] = exited("main", 0, 0, 0, time.Second)
	pod.Spec.RestartPolicy = corev1.RestartPolicyNever
	have.Containers[1] = running("debug", 0, time.Minute)
	check(t, "the pod's work is done", actions(pod, have), "stop container debug with 30s of grace: Stopping container debug")
}
