package pods

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubelab/kube/api/podspec"
	"kubelab/kube/pods/cri"
	"kubelab/kube/pods/observed"
)

var now = time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)

func ago(d time.Duration) time.Time { return now.Add(-d) }

// podOf is a pod with containers of these names, as the API server hands it to a kubelet.
func podOf(policy corev1.RestartPolicy, names ...string) *corev1.Pod {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web-1", UID: "u1", Generation: 1},
		Spec:       corev1.PodSpec{NodeName: "node-1", RestartPolicy: policy, TerminationGracePeriodSeconds: new(int64(30))},
		Status:     corev1.PodStatus{Phase: corev1.PodPending},
	}
	for _, name := range names {
		pod.Spec.Containers = append(pod.Spec.Containers, corev1.Container{
			Name: name, Image: name + ":1", ImagePullPolicy: corev1.PullIfNotPresent})
	}
	return pod
}

func nothing() Current {
	return Current{
		Node: cri.Node{Name: "node-1", IP: "172.30.0.11", Runtime: "kubelab"}, Seen: ago(time.Minute),
		Images: map[string]Image{}, Busy: map[string]time.Time{}, Failed: map[string]Failure{},
	}
}

// sandboxed is a node with a ready sandbox, and these containers in it.
func sandboxed(containers ...observed.Container) Current {
	have := nothing()
	have.Sandboxes = []observed.Sandbox{{ID: "s0", Ready: true, IPs: []string{"10.244.1.2"}}}
	have.Containers = containers
	return have
}

func running(name string, attempt int, since time.Duration) observed.Container {
	return observed.Container{ID: fmt.Sprintf("%s-%d", name, attempt), Name: name, Sandbox: "s0", Attempt: attempt, State: observed.Running,
		Image: name + ":1", ImageID: "sha256:" + name, Started: ago(since)}
}

// exited is a container that ran for a minute and ended some time ago.
func exited(name string, attempt, streak int, code int32, end time.Duration) observed.Container {
	c := running(name, attempt, end+time.Minute)
	c.Streak, c.State, c.ExitCode, c.Finished = streak, observed.Exited, code, ago(end)
	return c
}

// doing is what this kubelet sees of a pod while jobs are under way.
func doing(have Current, jobs ...Action) Current {
	has := settled(observed.Records{Sandboxes: have.Sandboxes, Containers: have.Containers}, jobs)
	have.Sandboxes, have.Containers = has.Sandboxes, has.Containers
	for _, job := range jobs {
		have.Busy[job.Job()] = time.Time{}
	}
	return have
}

// withImage says that the image for an attempt is there.
func (c Current) withImage(name string, attempt int) Current {
	c.Images[name] = Image{Ref: "sha256:" + name, Attempt: attempt}
	return c
}

// actions are what a plan does, a line each.
func actions(pod *corev1.Pod, have Current) string {
	var lines []string
	for _, action := range Plan(pod, have, now).Actions {
		lines = append(lines, action.String())
	}
	return strings.Join(lines, "\n")
}

func check(t *testing.T, what, got, want string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestANewPodGetsItsSandboxAndItsImagesAtTheSameTime(t *testing.T) {
	pod := podOf(corev1.RestartPolicyAlways, "web", "log")
	check(t, "nothing is there", actions(pod, nothing()), `create sandbox (attempt 0)
pull web:1 for web (IfNotPresent)
pull log:1 for log (IfNotPresent)`)
}

func TestAContainerStartsWhenItsSandboxAndItsImageAreThere(t *testing.T) {
	pod := podOf(corev1.RestartPolicyAlways, "web", "log")
	check(t, "only the image of web has come", actions(pod, sandboxed().withImage("web", 0)), `start container web (attempt 0) in sandbox s0
pull log:1 for log (IfNotPresent)`)
	check(t, "the sandbox has not", actions(pod, nothing().withImage("web", 0).withImage("log", 0)), "create sandbox (attempt 0)")
}

func TestAContainerDoesNotStartBeforeItsSandboxsJobHasToldHowItWasMade(t *testing.T) {
	pod := podOf(corev1.RestartPolicyAlways, "web")
	check(t, "the sandbox's job", actions(pod, doing(sandboxed().withImage("web", 0), CreateSandbox{})), "")
	check(t, "nobody's", actions(pod, doing(sandboxed().withImage("web", 0))), "start container web (attempt 0) in sandbox s0")
}

func TestWhatIsUnderWayIsNotDoneAgain(t *testing.T) {
	have := nothing()
	have.Busy["create sandbox"] = time.Time{}
	have.Busy["pull web"] = time.Time{}
	check(t, "both under way", actions(podOf(corev1.RestartPolicyAlways, "web"), have), "")
}

func TestAPodThatRunsAsItShouldIsLeftAlone(t *testing.T) {
	decision := Plan(podOf(corev1.RestartPolicyAlways, "web"), sandboxed(running("web", 0, time.Hour)), now)
	if len(decision.Actions) > 0 || !decision.Wake.At.IsZero() {
		t.Errorf("a plan for a healthy pod: %v, and wake at %v", decision.Actions, decision.Wake)
	}
}

func TestRestartPolicyDecidesWhetherAContainerThatEndedStartsAgain(t *testing.T) {
	for _, c := range []struct {
		policy corev1.RestartPolicy
		code   int32
		again  bool
		phase  corev1.PodPhase
	}{
		{corev1.RestartPolicyAlways, 0, true, corev1.PodRunning},
		{corev1.RestartPolicyAlways, 1, true, corev1.PodRunning},
		{corev1.RestartPolicyOnFailure, 0, false, corev1.PodSucceeded},
		{corev1.RestartPolicyOnFailure, 1, true, corev1.PodRunning},
		{corev1.RestartPolicyNever, 0, false, corev1.PodSucceeded},
		{corev1.RestartPolicyNever, 1, false, corev1.PodFailed},
	} {
		what := fmt.Sprintf("policy %s, exit code %d", c.policy, c.code)
		have := sandboxed(exited("web", 0, 0, c.code, time.Second)).withImage("web", 1)
		decision := Plan(podOf(c.policy, "web"), have, now)
		want := "[stop sandbox s0]" // its work is done: it gives its address back
		if c.again {
			want = "[start container web (attempt 1) in sandbox s0]"
		}
		check(t, what, fmt.Sprint(decision.Actions), want)
		check(t, what, string(decision.Status.Phase), string(c.phase))
	}
}

func TestBackOffGrowsFromTenSecondsToFiveMinutes(t *testing.T) {
	for restarts, pause := range []time.Duration{0, 10, 20, 40, 80, 160, 300, 300, 300} {
		dead := exited("web", restarts, restarts, 1, 0)
		decision := Plan(podOf(corev1.RestartPolicyAlways, "web"), sandboxed(dead).withImage("web", restarts+1), now)
		what := fmt.Sprintf("after %d restarts", restarts)
		if pause == 0 {
			check(t, "the first restart is at once", fmt.Sprint(decision.Actions), "[start container web (attempt 1) in sandbox s0]")
			continue
		}
		check(t, what, fmt.Sprint(decision.Actions), "[]")
		check(t, what, decision.Wake.At.Sub(now).String(), (pause * time.Second).String())
		waiting := decision.Status.ContainerStatuses[0].State.Waiting
		if waiting == nil || waiting.Reason != CrashLoopBackOff {
			t.Errorf("%s the container should wait: %+v", what, decision.Status.ContainerStatuses[0].State)
		}
	}
}

func TestBackOffCountsFromTheExit(t *testing.T) {
	pod := podOf(corev1.RestartPolicyAlways, "web")
	check(t, "9 s after", actions(pod, sandboxed(exited("web", 1, 1, 1, 9*time.Second)).withImage("web", 2)), "")
	check(t, "10 s after", actions(pod, sandboxed(exited("web", 1, 1, 1, 10*time.Second)).withImage("web", 2)),
		"start container web (attempt 2) in sandbox s0")
}

func TestWhoRanForTenMinutesStartsWithACleanSheet(t *testing.T) {
	dead := exited("web", 7, 7, 1, 0)
	dead.Started = ago(10 * time.Minute)
	decision := Plan(podOf(corev1.RestartPolicyAlways, "web"), sandboxed(dead).withImage("web", 8), now)
	check(t, "the plan", fmt.Sprint(decision.Actions), "[start container web (attempt 8) in sandbox s0]")
	if start := decision.Actions[0].(StartContainer); start.Streak != 1 {
		t.Errorf("the streak goes on with %d", start.Streak)
	}
}

func TestAContainerThatNeverStartedIsBackedOffToo(t *testing.T) {
	dead := exited("web", 1, 1, 128, 9*time.Second)
	dead.Started = time.Time{}
	check(t, "9 s after", actions(podOf(corev1.RestartPolicyAlways, "web"), sandboxed(dead).withImage("web", 2)), "")
}

func TestAKubeletThatKnowsNothingGoesOnFromTheRuntimesRecord(t *testing.T) {
	pod := podOf(corev1.RestartPolicyAlways, "web")
	have := sandboxed(exited("web", 3, 3, 1, 5*time.Second), exited("web", 2, 2, 1, time.Hour))
	decision := Plan(pod, have, now)
	check(t, "the back-off of the third restart", decision.Wake.At.Sub(now).String(), "35s")
	check(t, "restarts", fmt.Sprint(decision.Status.ContainerStatuses[0].RestartCount), "3")
}

func TestOnlyTheLastDeadContainerIsKept(t *testing.T) {
	have := sandboxed(running("web", 3, time.Minute), exited("web", 2, 2, 1, time.Hour), exited("web", 1, 1, 1, time.Hour), exited("web", 0, 0, 1, time.Hour))
	have.Containers[2].ID, have.Containers[3].ID = "old-1", "old-0"
	decision := Plan(podOf(corev1.RestartPolicyAlways, "web"), have, now)
	if diff := cmp.Diff([]Action{RemoveContainer{"web", "old-1"}, RemoveContainer{"web", "old-0"}}, decision.Actions); diff != "" {
		t.Error(diff)
	}
}

func TestAContainerThatWasCreatedAndNeverStartedIsMadeAnew(t *testing.T) {
	half := running("web", 0, 0)
	half.State = observed.Created
	pod := podOf(corev1.RestartPolicyAlways, "web")
	check(t, "the kubelet died in the middle", actions(pod, sandboxed(half)), "remove dead container web")
	have := sandboxed(half)
	have.Busy[startJob("web", 0)] = time.Time{}
	check(t, "it is being started", actions(pod, have), "")
}

func TestAnotherImageMeansAnotherContainer(t *testing.T) {
	pod := podOf(corev1.RestartPolicyAlways, "web")
	pod.Spec.Containers[0].Image = "web:2"
	check(t, "the old one is stopped", actions(pod, sandboxed(running("web", 0, time.Hour))),
		"stop container web with 30s of grace: Container web definition changed, will be restarted")
}

func TestWhenTheSandboxDiesThePodGetsANewOne(t *testing.T) {
	pod := podOf(corev1.RestartPolicyAlways, "web")
	have := sandboxed(exited("web", 0, 0, 137, time.Second)).withImage("web", 1)
	have.Sandboxes[0].Ready = false
	check(t, "a new sandbox", actions(pod, have), "create sandbox (attempt 1)")

	have.Sandboxes = []observed.Sandbox{{ID: "s1", Attempt: 1, Ready: true, IPs: []string{"10.244.1.3"}}, have.Sandboxes[0]}
	check(t, "the container starts in it", actions(pod, have), "start container web (attempt 1) in sandbox s1")

	again := running("web", 1, time.Second)
	again.Sandbox = "s1"
	have.Containers = []observed.Container{again, have.Containers[0]}
	pod.Status = Plan(pod, have, now).Status
	check(t, "and the old one goes", actions(pod, have), "remove sandbox s0")
}

func TestWhatStillRunsInASandboxThatFailedIsStopped(t *testing.T) {
	have := sandboxed(running("web", 0, time.Hour))
	have.Sandboxes[0].Ready = false
	check(t, "before anything else", actions(podOf(corev1.RestartPolicyAlways, "web"), have),
		"stop container web with 2s of grace: Container web lost its sandbox")
}

func TestADeadSandboxIsKeptAsLongAsABackOffIsTakenFromIt(t *testing.T) {
	have := sandboxed(exited("web", 4, 4, 1, time.Second))
	have.Sandboxes[0].Ready = false
	have.Sandboxes = []observed.Sandbox{{ID: "s1", Attempt: 1, Ready: true, IPs: []string{"10.244.1.3"}}, have.Sandboxes[0]}
	pod := telling(podOf(corev1.RestartPolicyAlways, "web"), have)
	check(t, "the container is backed off", actions(pod, have), "")
	pod.Spec.RestartPolicy = corev1.RestartPolicyNever
	pod = telling(pod, have)
	pod.Status.Phase = corev1.PodRunning
	check(t, "nothing else is started", actions(pod, have), "stop sandbox s1")
}

func TestAPodWhoseContainersAreDoneNeedsNoNewSandbox(t *testing.T) {
	have := sandboxed(exited("web", 0, 0, 0, time.Second))
	have.Sandboxes[0].Ready = false
	check(t, "the sandbox died after the work was done", actions(podOf(corev1.RestartPolicyNever, "web"), have), "")
}

func TestAFailedJobRestsBeforeItIsTriedAgain(t *testing.T) {
	pod := podOf(corev1.RestartPolicyAlways, "web")
	have := nothing().withImage("web", 0)
	have.Failed["create sandbox"] = Failure{Message: "no network", Count: 2, At: ago(time.Second)}
	decision := Plan(pod, have, now)
	check(t, "it rests", fmt.Sprint(decision.Actions), "[]")
	check(t, "until", decision.Wake.At.Sub(now).String(), "1s")
	have.Failed["create sandbox"] = Failure{Message: "no network", Count: 2, At: ago(2 * time.Second)}
	check(t, "and is tried again", actions(pod, have), "create sandbox (attempt 0)")
}

func TestPullsAreBackedOffFromTenSecondsToFiveMinutes(t *testing.T) {
	for failures, pause := range map[int]time.Duration{1: 10, 2: 20, 5: 160, 6: 300, 50: 300} {
		have := sandboxed()
		have.Failed["pull web"] = Failure{Reason: ErrImagePull, Message: "no such image", Count: failures, At: ago(2 * time.Second)}
		decision := Plan(podOf(corev1.RestartPolicyAlways, "web"), have, now)
		check(t, "the plan", fmt.Sprint(decision.Actions), "[]")
		check(t, fmt.Sprintf("after %d failures", failures), decision.Wake.At.Sub(now).String(), (pause*time.Second - 2*time.Second).String())
	}
}

func TestEveryAttemptAsksForItsImage(t *testing.T) {
	// With the policy Always a restart may bring a newer image: having had one for the last attempt is not enough.
	have := sandboxed(exited("web", 0, 0, 1, time.Second)).withImage("web", 0)
	check(t, "the plan", actions(podOf(corev1.RestartPolicyAlways, "web"), have), "pull web:1 for web (IfNotPresent)")
}

func TestAContainerWhoseEnvironmentCannotBeMadeWaits(t *testing.T) {
	have, pod := sandboxed().withImage("web", 0), podOf(corev1.RestartPolicyAlways, "web")
	pod.Spec.Containers[0].EnvFrom = fromConfigMap("settings")
	decision := Plan(pod, have, now)
	check(t, "the plan", fmt.Sprint(decision.Actions), "[]")
	waiting := decision.Status.ContainerStatuses[0].State.Waiting
	want := &corev1.ContainerStateWaiting{Reason: CreateContainerConfigError, Message: `configmap "settings" not found`}
	if diff := cmp.Diff(want, waiting); diff != "" {
		t.Error(diff)
	}
	have.Sources.Data = map[podspec.Object]map[string]string{{Resource: podspec.ConfigMaps, Name: "settings"}: {"COLOR": "blue"}}
	check(t, "when the object appears", actions(pod, have), "start container web (attempt 0) in sandbox s0")
}

func TestWhileItIsNotKnownWhetherAnObjectExistsNothingIsStartedAndNothingIsWrong(t *testing.T) {
	pod, have := podOf(corev1.RestartPolicyAlways, "web", "log"), sandboxed().withImage("web", 0).withImage("log", 0)
	pod.Spec.Containers[0].EnvFrom = fromConfigMap("settings")
	have.Awaited = []podspec.Object{{Resource: podspec.ConfigMaps, Name: "settings"}}
	check(t, "the plan", actions(pod, have), "start container log (attempt 0) in sandbox s0")
	check(t, "the status", word(Plan(pod, have, now).Status.ContainerStatuses[0].State), "waits: ContainerCreating")
	have.Awaited = []podspec.Object{{Resource: "services"}}
	check(t, "services are told to all", actions(pod, have), "")
}

// fromConfigMap has a container draw its environment from a ConfigMap.
func fromConfigMap(name string) []corev1.EnvFromSource {
	return []corev1.EnvFromSource{{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: name}}}}
}

func TestThePullPolicyDecidesBetweenTheImageThatIsThereAndANewOne(t *testing.T) {
	for policy, want := range map[corev1.PullPolicy][2]supply{
		corev1.PullIfNotPresent: {fetchImage, useImage},
		corev1.PullAlways:       {fetchImage, fetchImage},
		corev1.PullNever:        {refuseImage, useImage},
	} {
		a := PullImage{Policy: policy}
		if got := [2]supply{a.supply(false), a.supply(true)}; got != want {
			t.Errorf("%s, absent and present: %q", policy, got)
		}
	}
}
