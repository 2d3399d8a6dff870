//go:build linux

package kubelet

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/pods/cri"
	"kubelab/kube/trace"
)

// probing is a pod's change: its container gets a probe of each second that fails at once.
func probing(set func(*corev1.Container, *corev1.Probe), handler corev1.ProbeHandler) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		set(&p.Spec.Containers[0], &corev1.Probe{ProbeHandler: handler, PeriodSeconds: 1, FailureThreshold: 2})
	}
}

func asStartup(c *corev1.Container, p *corev1.Probe)   { c.StartupProbe = p }
func asLiveness(c *corev1.Container, p *corev1.Probe)  { c.LivenessProbe = p }
func asReadiness(c *corev1.Container, p *corev1.Probe) { c.ReadinessProbe = p }

func command(script string) corev1.ProbeHandler {
	return corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"sh", "-c", script}}}
}

// serving is a web server of files in /www, that ends when it is asked to.
const serving = `trap 'exit 0' TERM; mkdir /www; touch /www/index.html; httpd -p 8080 -h /www; sleep 1000 & wait`

func httpGet(path string) corev1.ProbeHandler {
	return corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: path, Port: intstr.FromInt(8080)}}
}

// run runs a script in a pod's container, whatever the kubelet knows of that.
func (l *lab) run(name, script string) {
	l.t.Helper()
	runtime, hangUp, err := cri.Dial(l.config.Runtime, l.admin.Recorder)
	l.must(err)
	defer hangUp()
	list, err := runtime.ListContainers(l.t.Context(), &runtimeapi.ListContainersRequest{Filter: &runtimeapi.ContainerFilter{
		LabelSelector: map[string]string{cri.LabelName: name},
		State:         &runtimeapi.ContainerStateValue{State: runtimeapi.ContainerState_CONTAINER_RUNNING}}})
	l.must(err)
	if len(list.Containers) != 1 {
		l.t.Fatalf("%d containers of %s run", len(list.Containers), name)
	}
	answer, err := runtime.ExecSync(l.t.Context(), &runtimeapi.ExecSyncRequest{ContainerId: list.Containers[0].Id, Cmd: []string{"sh", "-c", script}})
	l.must(err)
	if answer.ExitCode != 0 {
		l.t.Fatalf("%s: %d: %s", script, answer.ExitCode, answer.Stderr)
	}
}

func unready(p *corev1.Pod) bool { return len(p.Status.ContainerStatuses) > 0 && !ready(p) }

func restarted(p *corev1.Pod) bool {
	return len(p.Status.ContainerStatuses) > 0 && p.Status.ContainerStatuses[0].RestartCount > 0
}

// toldOf are a pod's events, "Reason Message".
func (l *lab) toldOf(name string) []string {
	l.t.Helper()
	list, err := l.admin.CoreV1().Events("default").List(l.t.Context(), metav1.ListOptions{FieldSelector: "involvedObject.name=" + name})
	l.must(err)
	var lines []string
	for _, event := range list.Items {
		lines = append(lines, event.Reason+" "+event.Message)
	}
	return lines
}

func (l *lab) awaitEvent(name, begins string) {
	l.t.Helper()
	l.waitFor("the event "+begins, func() bool {
		return slices.ContainsFunc(l.toldOf(name), func(line string) bool { return strings.HasPrefix(line, begins) })
	})
}

func TestReadinessMovesTheConditionAndRestartsNothing(t *testing.T) {
	l := newLab(t)
	l.create(pod("web-1", serving, probing(asReadiness, httpGet("/up"))))
	p := l.becomes("web-1", "started and not ready", func(p *corev1.Pod) bool { return unready(p) && *p.Status.ContainerStatuses[0].Started })
	if c := condition(p, corev1.ContainersReady); c.Reason != "ContainersNotReady" || c.Message != "containers with unready status: [web]" {
		t.Errorf("the condition is %+v", c)
	}
	l.awaitEvent("web-1", "Unhealthy Readiness probe failed: HTTP probe failed with statuscode: 404")
	l.run("web-1", "touch /www/up")
	p = l.becomes("web-1", "ready", ready)
	l.waitFor("the chain to be known", func() bool {
		begin, way := roots(l.steps(), trace.Wrote(p.ResourceVersion))
		return has(append(begin, way...), "kubelet", "probe")
	})
	l.run("web-1", "rm /www/up")
	p = l.becomes("web-1", "not ready", unready)
	l.waitFor("the failures to be its roots", func() bool {
		begin, _ := roots(l.steps(), trace.Wrote(p.ResourceVersion))
		return has(begin, "kubelet", "probe")
	})
	if status := p.Status.ContainerStatuses[0]; status.RestartCount != 0 || !*status.Started || status.State.Running == nil {
		t.Errorf("it is %+v", status)
	}
}

func TestLivenessRestartsTheContainerAndPeopleAreToldWhy(t *testing.T) {
	l := newLab(t)
	l.create(pod("web-1", serving, probing(asLiveness, httpGet("/index.html"))))
	l.becomes("web-1", "ready", ready)
	l.run("web-1", "rm /www/index.html")
	l.becomes("web-1", "restarted", restarted)
	l.awaitEvent("web-1", "Unhealthy Liveness probe failed: HTTP probe failed with statuscode: 404")
	l.awaitEvent("web-1", "Killing Container web failed liveness probe, will be restarted")
	l.becomes("web-1", "ready again", func(p *corev1.Pod) bool { return ready(p) && restarted(p) })
}

func TestAContainerThatNobodyRestartsStaysEndedAfterItsProbeFailed(t *testing.T) {
	l := newLab(t)
	l.create(pod("web-1", "trap 'exit 0' TERM; sleep 1000 & wait", probing(asStartup, command("echo not yet; exit 3")),
		func(p *corev1.Pod) { p.Spec.RestartPolicy = corev1.RestartPolicyNever }))
	l.becomes("web-1", "ended", func(p *corev1.Pod) bool { return p.Status.Phase == corev1.PodSucceeded })
	l.awaitEvent("web-1", "Killing Container web failed startup probe")
	l.awaitEvent("web-1", "Unhealthy Startup probe failed: not yet")
}

func TestAJobThatIsStoppedForItsHealthIsNotDone(t *testing.T) {
	l := newLab(t)
	l.create(pod("web-1", "trap 'exit 0' TERM; sleep 1000 & wait", probing(asLiveness, command("sleep 1000")),
		func(p *corev1.Pod) { p.Spec.RestartPolicy = corev1.RestartPolicyOnFailure }))
	l.becomes("web-1", "restarted, though it ended with 0", restarted)
	l.awaitEvent("web-1", `Unhealthy Liveness probe failed: command timed out: "sh -c sleep 1000" timed out after 1s`)
}

// A kubelet that is killed forgets what probes have said, and no pod suffers from that.
func TestAKubeletThatIsKilledCountsNoRestartAndBelievesWhatWasReady(t *testing.T) {
	l := newLab(t)
	l.create(pod("web-1", serving, probing(asReadiness, httpGet("/index.html")), probing(asStartup, httpGet("/index.html")), probing(asLiveness, httpGet("/index.html"))))
	before := l.becomes("web-1", "ready", ready)
	l.kill(l.kubelet)
	l.startKubelet()
	l.run("web-1", "rm /www/index.html")
	after := l.becomes("web-1", "not ready", unready)
	if a, b := condition(before, corev1.PodReady), condition(l.get("web-1"), corev1.PodReady); after.Status.ContainerStatuses[0].RestartCount != 0 || b.LastTransitionTime.Before(&a.LastTransitionTime) {
		t.Errorf("it was %+v, and is %+v", a, after.Status)
	}
	l.becomes("web-1", "restarted by its liveness", restarted)
}

func TestQuietProbesAndTheirCommandsLeaveNoStep(t *testing.T) {
	l := newLab(t)
	l.create(pod("web-1", serving, probing(asReadiness, httpGet("/index.html")), probing(asLiveness, command("echo >> /asked"))))
	p := l.becomes("web-1", "ready", ready)
	askedAgain := func() {
		l.run("web-1", "n=$(wc -l < /asked); until test $(wc -l < /asked) -ge $((n + 3)); do sleep 0.1; done")
	}
	count := func() (n int) {
		for _, step := range l.steps() {
			if step.Object.Name == "web-1" {
				n++
			}
		}
		return n
	}
	askedAgain() // by then all that the start led to is written
	before := count()
	askedAgain()
	if after := count(); after != before || before == 0 || l.get("web-1").ResourceVersion != p.ResourceVersion {
		t.Errorf("%d steps became %d", before, after)
	}
}

func TestAContainerDoesNotRunBeforeItsPostStartHookHasAndIsStoppedWhenThatFails(t *testing.T) {
	l := newLab(t)
	hooked := func(script string) func(*corev1.Pod) {
		return func(p *corev1.Pod) {
			p.Spec.Containers[0].Lifecycle = &corev1.Lifecycle{PostStart: &corev1.LifecycleHandler{Exec: command(script).Exec}}
		}
	}
	l.create(pod("slow", "sleep 1000", hooked("until test -e /go; do sleep 0.1; done")))
	l.awaitEvent("slow", "Started Container started")
	l.becomes("slow", "told that it is being created", waitsFor("ContainerCreating"))
	l.run("slow", "touch /go")
	l.becomes("slow", "ready", ready)

	l.create(pod("failing", "trap 'exit 0' TERM; sleep 1000 & wait", hooked("echo secret; exit 7")))
	l.awaitEvent("failing", "FailedPostStartHook PostStartHook failed")
	l.awaitEvent("failing", "Killing FailedPostStartHook")
	l.becomes("failing", "backed off", waitsFor("CrashLoopBackOff"))

	l.create(pod("endless", "sleep 1000", hooked("sleep 1000")))
	l.awaitEvent("endless", "Started Container started")
	l.delete("endless", 1)
	l.gone("endless")
}

func TestAPreStopHookRunsBeforeTheSignalWithinTheGrace(t *testing.T) {
	l := newLab(t)
	hooked := func(script string) func(*corev1.Pod) {
		return func(p *corev1.Pod) {
			p.Spec.Containers[0].Lifecycle = &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{Exec: command(script).Exec}}
		}
	}
	watch, err := l.admin.CoreV1().Pods("default").Watch(t.Context(), metav1.ListOptions{})
	l.must(err)
	defer watch.Stop()
	ended := map[string]*corev1.ContainerStateTerminated{}
	until := func(name string) *corev1.ContainerStateTerminated {
		for ended[name] == nil {
			event := <-watch.ResultChan()
			p := event.Object.(*corev1.Pod)
			for _, c := range p.Status.ContainerStatuses {
				if c.State.Terminated != nil {
					ended[p.Name] = c.State.Terminated
				}
			}
		}
		return ended[name]
	}
	l.create(pod("polite", "trap 'cat /said > /dev/termination-log; exit 5' TERM; echo up; while :; do sleep 0.1; done", hooked("echo goodbye > /said")))
	l.waitFor("its script to have begun", func() bool { return l.log("polite", "") == "up\n" })
	l.delete("polite", 30)
	if last := until("polite"); last.ExitCode != 5 || last.Message != "goodbye\n" {
		t.Errorf("it ended with %+v: the hook runs before the signal", last)
	}
	l.create(pod("stubborn", "trap 'exit 6' TERM; echo up; while :; do sleep 0.1; done", hooked("sleep 1000")))
	l.waitFor("its script to have begun", func() bool { return l.log("stubborn", "") == "up\n" })
	began := time.Now()
	l.delete("stubborn", 3)
	if last, took := until("stubborn"), time.Since(began); last.ExitCode != 6 || took < 2*time.Second {
		t.Errorf("it ended with %+v after %v: when the hook has used the grace, there is a moment left for the signal", last, took)
	}
	l.create(pod("failing", "trap 'exit 0' TERM; echo up; while :; do sleep 0.1; done", hooked("exit 1")))
	l.waitFor("its script to have begun", func() bool { return l.log("failing", "") == "up\n" })
	l.delete("failing", 30)
	l.awaitEvent("failing", "FailedPreStopHook PreStopHook failed")
	l.create(pod("itself", "exit 0", hooked("exit 1")))
	l.becomes("itself", "restarted", restarted)
	for _, line := range l.toldOf("itself") {
		if strings.HasPrefix(line, "FailedPreStopHook") {
			t.Error("a container that ends by itself is asked for nothing before")
		}
	}
}

// condition is a condition of a pod, or an empty one.
func condition(p *corev1.Pod, kind corev1.PodConditionType) corev1.PodCondition {
	for _, c := range p.Status.Conditions {
		if c.Type == kind {
			return c
		}
	}
	return corev1.PodCondition{Type: kind, Status: corev1.ConditionUnknown, Message: fmt.Sprintf("no %s", kind)}
}
