package pods

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"kubelab/kube/api/podspec"
	"kubelab/kube/pods/observed"
	"kubelab/kube/probes"
	"kubelab/kube/trace"
)

// probed is a pod whose container has all three probes, and what they have said of its first attempt.
func probed(policy corev1.RestartPolicy, startup, liveness, readiness probes.Verdict, containers ...observed.Container) (*corev1.Pod, Current) {
	pod := podOf(policy, "web")
	probe := func() *corev1.Probe { return &corev1.Probe{PeriodSeconds: 1, SuccessThreshold: 1, FailureThreshold: 3} }
	c := &pod.Spec.Containers[0]
	c.StartupProbe, c.LivenessProbe, c.ReadinessProbe = probe(), probe(), probe()
	if containers == nil {
		containers = []observed.Container{running("web", 0, time.Minute)}
	}
	have := sandboxed(containers...).withImage("web", 1)
	have.Probed = map[string]probes.State{"web-0": {
		Said: map[probes.Kind]probes.Record{
			probes.Startup: {Known: startup}, probes.Liveness: {Known: liveness}, probes.Readiness: {Known: readiness}},
		Causes: map[probes.Kind][]trace.ID{probes.Startup: {"s"}, probes.Liveness: {"l"}, probes.Readiness: {"r"}},
	}}
	return pod, have
}

// Each outcome of each probe: what the status says, what is done, and which steps are the causes.
func TestAProbesOutcomeLeadsToItsOwnEffectAndToNoOther(t *testing.T) {
	const no, yes, unknown = probes.Failure, probes.Success, ""
	stop := "stop container web with 30s of grace: Container web failed %s probe, will be restarted"
	for _, c := range []struct {
		startup, liveness, readiness probes.Verdict
		status, done                 string
		causes                       string
	}{
		{unknown, unknown, unknown, "started false, ready false, Ready False", "", "[]"},
		{no, unknown, unknown, "started false, ready false, Ready False", fmt.Sprintf(stop, "startup"), "[s]"},
		{yes, unknown, unknown, "started true, ready false, Ready False", "", "[s]"},
		{yes, yes, unknown, "started true, ready false, Ready False", "", "[s]"},
		{yes, unknown, yes, "started true, ready true, Ready True", "", "[s r]"},
		{yes, yes, yes, "started true, ready true, Ready True", "", "[s r]"},
		{yes, yes, no, "started true, ready false, Ready False", "", "[s]"},
		{yes, no, yes, "started true, ready true, Ready True", fmt.Sprintf(stop, "liveness"), "[s r l]"},
	} {
		pod, have := probed(corev1.RestartPolicyAlways, c.startup, c.liveness, c.readiness)
		decision := Plan(pod, have, now)
		is := decision.Status.ContainerStatuses[0]
		what := fmt.Sprintf("startup %q, liveness %q, readiness %q", c.startup, c.liveness, c.readiness)
		check(t, what, fmt.Sprintf("started %v, ready %v, Ready %s", *is.Started, is.Ready, condition(&decision.Status, corev1.PodReady).Status), c.status)
		check(t, what, actions(pod, have), c.done)
		p := planner{pod: pod, members: podspec.Members(&pod.Spec), have: have, now: now}
		check(t, what, fmt.Sprint(p.healthCauses(&have.Containers[0])), c.causes)
	}
}

func TestWhatTheStatusTellsAlreadyIsNoCauseAnyMore(t *testing.T) {
	pod, have := probed(corev1.RestartPolicyAlways, probes.Success, "", probes.Success)
	pod.Status = Plan(pod, have, now).Status
	p := planner{pod: pod, members: podspec.Members(&pod.Spec), have: have, now: now}
	check(t, "causes", fmt.Sprint(p.healthCauses(&have.Containers[0])), "[]")
}

func TestAProbeMayHaveAGraceOfItsOwn(t *testing.T) {
	pod, have := probed(corev1.RestartPolicyNever, probes.Success, probes.Failure, "")
	pod.Spec.Containers[0].LivenessProbe.TerminationGracePeriodSeconds = new(int64(7))
	check(t, "actions", actions(pod, have), "stop container web with 7s of grace: Container web failed liveness probe")
}

func TestAContainerThatWasStoppedForItsHealthRestartsByItsPolicy(t *testing.T) {
	for policy, want := range map[corev1.RestartPolicy]string{
		corev1.RestartPolicyAlways: "start container web (attempt 1) in sandbox s0", corev1.RestartPolicyNever: "stop sandbox s0",
		corev1.RestartPolicyOnFailure: "start container web (attempt 1) in sandbox s0", // though it ended with 0
	} {
		pod, have := probed(policy, probes.Success, probes.Failure, "", exited("web", 0, 0, 0, time.Second))
		check(t, string(policy), actions(pod, have), want)
	}
	pod, have := probed(corev1.RestartPolicyOnFailure, probes.Success, probes.Success, "", exited("web", 0, 0, 0, time.Second))
	check(t, "in good health it has done its work", actions(pod, have), "stop sandbox s0")
}

func TestAContainerThatIsStartedAnewIsUnknownToItsProbes(t *testing.T) {
	pod, have := probed(corev1.RestartPolicyAlways, probes.Success, probes.Failure, probes.Success, running("web", 1, time.Second), exited("web", 0, 0, 137, time.Minute))
	is := Plan(pod, have, now).Status.ContainerStatuses[0]
	check(t, "the second", fmt.Sprintf("started %v, ready %v", *is.Started, is.Ready), "started false, ready false")
	check(t, "actions", actions(pod, have), "")
}

func TestAPodThatIsEndingIsNotStoppedForItsHealth(t *testing.T) {
	pod, have := probed(corev1.RestartPolicyAlways, probes.Success, probes.Failure, probes.Success)
	pod.DeletionTimestamp, pod.DeletionGracePeriodSeconds = new(second(now.Add(20*time.Second))), new(int64(20))
	check(t, "actions", actions(pod, have), "stop container web with 20s of grace: Stopping container web")
	if status := Plan(pod, have, now).Status; !status.ContainerStatuses[0].Ready {
		t.Error("it is not ready, though it serves")
	}
}

func TestAFailedPostStartHookStopsTheContainerAndItHasNeverRun(t *testing.T) {
	pod := podOf(corev1.RestartPolicyAlways, "web")
	have := sandboxed(running("web", 0, time.Second))
	have.Failed[startJob("web", 0)] = Failure{Reason: PostStartHookError, Message: "no", Count: 1, At: now}
	check(t, "actions", actions(pod, have), "stop container web with 30s of grace: FailedPostStartHook")
	status := Plan(pod, have, now).Status
	check(t, "status", told(status), "Pending, web waits: PostStartHookError")
	if is := status.ContainerStatuses[0]; is.Ready || *is.Started {
		t.Errorf("it is %+v", is)
	}
}

func TestWhoEndsAPodWaitsForNoPostStartHook(t *testing.T) {
	pod := podOf(corev1.RestartPolicyAlways, "web")
	pod.DeletionTimestamp = new(second(now.Add(30 * time.Second)))
	have := sandboxed()
	have.Busy[startJob("web", 0)] = time.Time{}
	check(t, "without a hook", actions(pod, have), "")
	pod.Spec.Containers[0].Lifecycle = &corev1.Lifecycle{PostStart: &corev1.LifecycleHandler{}}
	check(t, "with one", actions(pod, have), "cancel: start web 0")
	check(t, "of a pod that nobody knows", actions(nil, have), "cancel: start web 0")
}

func TestAHookTakesItsTimeFromTheGraceAndLeavesAMoment(t *testing.T) {
	for taken, want := range map[time.Duration]time.Duration{0: 30 * time.Second, 10 * time.Second: 20 * time.Second, 29 * time.Second: smallGrace, 40 * time.Second: smallGrace} {
		if got := sinceHook(30*time.Second, taken); got != want {
			t.Errorf("after %v there are %v left, want %v", taken, got, want)
		}
	}
}
