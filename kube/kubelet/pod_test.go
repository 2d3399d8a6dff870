//go:build linux

package kubelet

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"kubelab/kube/containers/containerstest"
	"kubelab/kube/pods/cri"
	"kubelab/kube/trace"
)

// obedient is a script that ends at once when it is asked to.
const obedient = "trap 'exit 0' TERM; sleep 1000 & wait"

func (l *lab) delete(name string, grace int64) {
	l.t.Helper()
	l.must(l.admin.CoreV1().Pods("default").Delete(l.t.Context(), name, metav1.DeleteOptions{GracePeriodSeconds: &grace}))
}

// deaf is a script that SIGTERM does not end, once it has begun.
const deaf = "trap '' TERM; echo deaf; while true; do sleep 1; done"

func (l *lab) becomesDeaf(name string) {
	l.t.Helper()
	l.becomes(name, "ready", ready)
	l.waitFor(name+" to hear no SIGTERM", func() bool { return l.log(name, "") == "deaf\n" })
}

func (l *lab) gone(name string) {
	l.t.Helper()
	l.waitFor("pod "+name+" to go", func() bool {
		list, err := l.admin.CoreV1().Pods("default").List(l.t.Context(), metav1.ListOptions{FieldSelector: "metadata.name=" + name})
		l.must(err)
		return len(list.Items) == 0
	})
}

func web(p *corev1.Pod) corev1.ContainerStatus {
	if len(p.Status.ContainerStatuses) == 0 {
		return corev1.ContainerStatus{}
	}
	return p.Status.ContainerStatuses[0]
}

func waitsFor(reason string) func(*corev1.Pod) bool {
	return func(p *corev1.Pod) bool {
		waiting := web(p).State.Waiting
		return waiting != nil && waiting.Reason == reason
	}
}

func policy(policy corev1.RestartPolicy) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.Spec.RestartPolicy = policy }
}

func TestAPodThatIsBoundToTheNodeRunsAndLeavesNothingBehind(t *testing.T) {
	l := newLab(t)
	_, err := l.admin.CoreV1().Services("default").Create(t.Context(), &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "db"},
		Spec: corev1.ServiceSpec{ClusterIP: "10.96.0.77", Ports: []corev1.ServicePort{{Port: 5432}}}}, metav1.CreateOptions{})
	l.must(err)
	const script = "trap 'exit 0' TERM; echo hello from $(hostname); echo $KUBERNETES_SERVICE_HOST $DB_SERVICE_HOST; sleep 1000 & wait"
	l.create(pod("unlinked", script, func(p *corev1.Pod) { p.Spec.EnableServiceLinks = new(false) }))
	l.create(pod("web-1", script))
	p := l.becomes("web-1", "ready", ready)
	if !strings.HasPrefix(p.Status.PodIP, "10.244.1.") || p.Status.Phase != corev1.PodRunning || p.Status.HostIP != "127.0.0.1" {
		t.Errorf("a ready pod has the status %+v", p.Status)
	}
	l.waitFor("its script to see its name and where services are", func() bool { return l.log("web-1", "") == "hello from web-1\n10.96.0.1 10.96.0.77\n" })
	l.becomes("unlinked", "ready", ready)
	l.waitFor("another to see no service but the API server", func() bool { return l.log("unlinked", "") == "hello from unlinked\n10.96.0.1\n" })
	l.delete("web-1", 30)
	l.gone("web-1") // it need not wait for the grace to pass; what is left of it is looked for at the end
}

func TestAContainerThatDoesNotEndIsKilledWhenItsGraceIsOverAndAShorterGraceCounts(t *testing.T) {
	l := newLab(t)
	l.create(pod("stubborn", deaf))
	l.becomesDeaf("stubborn")
	l.delete("stubborn", 1000)
	l.becomes("stubborn", "about to end", func(p *corev1.Pod) bool { return p.DeletionTimestamp != nil })
	began := time.Now()
	l.delete("stubborn", 1)
	l.gone("stubborn")
	if took := time.Since(began); took < time.Second {
		t.Errorf("it had only %v of grace", took)
	}
}

func TestAContainerThatEndsIsRestartedAtOnceAndThenBackedOff(t *testing.T) {
	l := newLab(t)
	l.create(pod("crash", "echo try; echo last words > /dev/termination-log; exit 3"))
	l.create(pod("silent", "echo no disk; exit 3", policy(corev1.RestartPolicyNever), func(p *corev1.Pod) {
		p.Spec.Containers[0].TerminationMessagePolicy = corev1.TerminationMessageFallbackToLogsOnError
	}))
	p := l.becomes("crash", "backed off", waitsFor("CrashLoopBackOff"))
	is := web(p)
	last := is.LastTerminationState.Terminated
	if is.RestartCount != 1 || last == nil || last.ExitCode != 3 || last.Reason != "Error" || last.Message != "last words\n" {
		t.Errorf("after its first restart: %+v", is)
	}
	if p.Status.Phase != corev1.PodRunning {
		t.Errorf("its phase is %s", p.Status.Phase)
	}
	silent := l.becomes("silent", "over", func(p *corev1.Pod) bool { return p.Status.Phase == corev1.PodFailed })
	if message := web(silent).State.Terminated.Message; message != "no disk\n" {
		t.Errorf("of a program that left no message its log is told: %q", message)
	}
	for _, options := range []string{"", "previous=true"} {
		if got := l.log("crash", options); got != "try\n" {
			t.Errorf("log with %q: %q", options, got)
		}
	}
}

func TestAPodThatIsDoneKeepsItsLogsAndGivesItsAddressBack(t *testing.T) {
	l := newLab(t)
	l.create(pod("job", "echo done", policy(corev1.RestartPolicyNever)))
	l.becomes("job", "done", func(p *corev1.Pod) bool { return p.Status.Phase == corev1.PodSucceeded })
	if got := l.log("job", ""); got != "done\n" {
		t.Errorf("the log is %q", got)
	}
	l.waitFor("its namespace to go", func() bool {
		left, _ := filepath.Glob(l.dir + "/runtime/network/netns/*")
		return len(left) == 0
	})
	l.create(pod("failed", "exit 7", policy(corev1.RestartPolicyNever)))
	p := l.becomes("failed", "done", func(p *corev1.Pod) bool { return p.Status.Phase == corev1.PodFailed })
	if ended := web(p).State.Terminated; ended == nil || ended.ExitCode != 7 {
		t.Errorf("it ended with %+v", web(p))
	}
}

func TestAPodWaitsForItsConfigMapAndStartsWhenItAppears(t *testing.T) {
	l := newLab(t)
	l.create(pod("web-1", "echo $COLOR; "+obedient, func(p *corev1.Pod) {
		p.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "COLOR", ValueFrom: &corev1.EnvVarSource{ConfigMapKeyRef: &corev1.ConfigMapKeySelector{
			LocalObjectReference: corev1.LocalObjectReference{Name: "settings"}, Key: "color"}}}}
	}))
	p := l.becomes("web-1", "waiting", waitsFor("CreateContainerConfigError"))
	if got := web(p).State.Waiting.Message; got != `configmap "settings" not found` {
		t.Errorf("it waits because of %q", got)
	}
	_, err := l.admin.CoreV1().ConfigMaps("default").Create(t.Context(), &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: "settings"}, Data: map[string]string{"size": "1"}}, metav1.CreateOptions{})
	l.must(err)
	l.becomes("web-1", "waiting for the key", func(p *corev1.Pod) bool {
		waiting := web(p).State.Waiting
		return waiting != nil && waiting.Message == "couldn't find key color in ConfigMap default/settings"
	})
	_, err = l.admin.CoreV1().ConfigMaps("default").Patch(t.Context(), "settings", types.MergePatchType, []byte(`{"data":{"color":"blue"}}`), metav1.PatchOptions{})
	l.must(err)
	l.becomes("web-1", "ready", ready)
	l.waitFor("the program to say what it sees", func() bool { return l.log("web-1", "") == "blue\n" })
}

func TestAnImageThatCannotBePulledIsBackedOffAndHoldsUpNoDeletion(t *testing.T) {
	l := newLab(t)
	l.create(pod("web-1", "", func(p *corev1.Pod) { p.Spec.Containers[0].Image = "127.0.0.1:1/none:1" }))
	l.becomes("web-1", "failing", waitsFor("ErrImagePull"))
	p := l.becomes("web-1", "backed off", waitsFor("ImagePullBackOff"))
	if p.Status.PodIP == "" {
		t.Error("the sandbox waited for the image")
	}
	l.create(pod("never", "", func(p *corev1.Pod) {
		p.Spec.Containers[0].Image, p.Spec.Containers[0].ImagePullPolicy = "127.0.0.1:1/none:1", corev1.PullNever
	}))
	l.becomes("never", "refused", waitsFor("ErrImageNeverPull"))
}

func TestAProgramThatIsMissingIsAnErrorOfTheContainer(t *testing.T) {
	l := newLab(t)
	l.create(pod("web-1", "", func(p *corev1.Pod) { p.Spec.Containers[0].Command = []string{"/no/such/program"} }))
	p := l.becomes("web-1", "backed off", waitsFor("CrashLoopBackOff"))
	last := web(p).LastTerminationState.Terminated
	if last == nil || last.ExitCode != 128 || last.Reason != "StartError" || !strings.Contains(last.Message, "/no/such/program") {
		t.Errorf("it ended with %+v", last)
	}
}

func TestAContainerThatTakesMoreMemoryThanItsLimitIsKilled(t *testing.T) {
	l := newLab(t)
	l.create(pod("greedy", "dd if=/dev/zero of=/dev/null bs=64M count=1", policy(corev1.RestartPolicyNever), func(p *corev1.Pod) {
		p.Spec.Containers[0].Resources.Limits = corev1.ResourceList{corev1.ResourceMemory: quantityOf("16Mi")}
	}))
	p := l.becomes("greedy", "over", func(p *corev1.Pod) bool { return p.Status.Phase == corev1.PodFailed })
	if ended := web(p).State.Terminated; ended == nil || ended.Reason != "OOMKilled" || ended.ExitCode != 137 {
		t.Errorf("it ended with %+v", web(p))
	}
}

func TestAPodsCgroupHasTheLimitsOfTheWholePod(t *testing.T) {
	l := newLab(t)
	l.create(pod("web-1", obedient, func(p *corev1.Pod) {
		p.Spec.Containers[0].Resources.Limits = corev1.ResourceList{corev1.ResourceMemory: quantityOf("16Mi"), corev1.ResourceCPU: quantityOf("500m")}
		second := p.Spec.Containers[0].DeepCopy()
		second.Name = "second"
		p.Spec.Containers = append(p.Spec.Containers, *second)
	}))
	p := l.becomes("web-1", "ready", ready)
	for want, files := range map[string][3]string{
		"33554432": {"memory", "memory.limit_in_bytes", "memory.max"}, "100000": {"cpu", "cpu.cfs_quota_us", "cpu.max"}, "4096": {"pids", "pids.max", "pids.max"},
	} {
		cgroup := cri.CgroupParent(l.config.CgroupRoot, p)
		got, err := os.ReadFile(filepath.Join("/sys/fs/cgroup", files[0], cgroup, files[1]))
		if err != nil {
			got, err = os.ReadFile(filepath.Join("/sys/fs/cgroup", cgroup, files[2]))
		}
		if err != nil || !strings.HasPrefix(string(got), want) {
			t.Errorf("%s of the pod's cgroup: %q, %v, want %s", files[2], got, err, want)
		}
	}
}

func TestAContainersRootLeavesNoProgramThatAnotherUserOfTheMachineReaches(t *testing.T) {
	l := newLab(t)
	l.must(os.Chmod(l.dir, 0o755)) // as data directories are
	files := "/dev/termination-log /etc/hosts /etc/hostname /etc/resolv.conf /dev/shm/left /left"
	l.create(pod("web-1", "for f in "+files+"; do cat /bin/busybox > $f && chmod 4755 $f && echo $f; done; "+obedient))
	l.becomes("web-1", "ready", ready)
	l.waitFor("the files to be left", func() bool { return len(strings.Fields(l.log("web-1", ""))) == len(strings.Fields(files)) })
	find := exec.Command(containerstest.Busybox, "find", l.dir, "-perm", "-4000")
	if found, err := find.Output(); err != nil || strings.Count(string(found), "\n") < len(strings.Fields(files)) {
		t.Fatalf("root finds only %q, %v", found, err)
	}
	find = exec.Command(containerstest.Busybox, "find", l.dir, "-perm", "-4000")
	find.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	if found, _ := find.Output(); len(found) > 0 { // its error is that most directories are closed to it
		t.Errorf("an ordinary user of the machine can run as root:\n%s", found)
	}
}

func TestWhatAKilledKubeletMissedItsSuccessorFinds(t *testing.T) {
	l := newLab(t)
	l.create(pod("web-1", obedient))
	l.create(pod("job", "exec sleep 1000", policy(corev1.RestartPolicyNever)))
	l.create(pod("orphan", obedient))
	for _, name := range []string{"web-1", "job", "orphan"} {
		l.becomes(name, "ready", ready)
	}
	before := web(l.get("web-1"))
	job := web(l.get("job"))

	l.kill(l.kubelet)
	l.endProcess(job.ContainerID)
	l.delete("orphan", 0) // by force: the API server does not wait for the kubelet
	l.create(pod("new", obedient))
	l.startKubelet()

	l.becomes("new", "ready", ready)
	p := l.becomes("job", "over", func(p *corev1.Pod) bool { return p.Status.Phase == corev1.PodFailed })
	if ended := web(p).State.Terminated; ended == nil || ended.ExitCode != 137 || ended.ContainerID != job.ContainerID {
		t.Errorf("the exit that nobody saw: %+v", web(p))
	}
	if after := web(l.get("web-1")); after.ContainerID != before.ContainerID || after.RestartCount != 0 || !after.Ready {
		t.Errorf("a container that ran on: before %+v, after %+v", before, after)
	}
	l.waitFor("the orphan to be torn down", func() bool {
		left, _ := filepath.Glob(l.dir + "/kubelet/logs/default_orphan_*")
		return len(left) == 0
	})
}

func TestADeletionThatAKilledKubeletHadBegunIsFinished(t *testing.T) {
	l := newLab(t)
	l.create(pod("stubborn", deaf))
	l.becomesDeaf("stubborn")
	l.delete("stubborn", 3)
	l.kill(l.kubelet)
	l.startKubelet()
	l.gone("stubborn")
}

func TestAnExitThatADeadKubeletAskedForIsNoRoot(t *testing.T) {
	l := newLab(t)
	l.create(pod("slow", "trap 'sleep 1; exit 0' TERM; echo up; sleep 1000 & wait"))
	id := web(l.becomes("slow", "ready", ready)).ContainerID
	l.waitFor("its script to have begun", func() bool { return l.log("slow", "") == "up\n" })
	l.delete("slow", 30)
	l.waitFor("the signal to be sent", func() bool { return has(slices.Collect(maps.Values(l.steps())), "runtime", "signal process") })
	l.kill(l.kubelet)
	l.waitFor("it to end", func() bool { return len(l.processes(id)) == 0 })
	l.startKubelet()
	l.gone("slow")
	var exit trace.Step
	l.waitFor("the exit to be known", func() bool {
		for _, step := range l.steps() {
			if step.Verb == "exit" {
				exit = step
			}
		}
		return exit.Verb != ""
	})
	if exit.Root != "" || len(exit.Causes) != 1 || !strings.HasPrefix(l.steps()[exit.Causes[0]].Detail, "stop container") {
		t.Errorf("the exit: %+v", exit)
	}
}

func TestPodsOutliveTheRuntime(t *testing.T) {
	l := newLab(t)
	l.create(pod("web-1", obedient))
	before := web(l.becomes("web-1", "ready", ready))
	l.kill(l.runtime)
	l.startRuntime()
	l.create(pod("web-2", obedient))
	l.becomes("web-2", "ready", ready)
	if after := web(l.get("web-1")); after.ContainerID != before.ContainerID || after.RestartCount != 0 {
		t.Errorf("before %+v, after %+v", before, after)
	}
}

func TestOneSlowPodHoldsUpNoOther(t *testing.T) {
	l := newLab(t)
	for i := range 2 * 16 { // more than there are workers
		l.create(pod(fmt.Sprintf("stubborn-%d", i), deaf))
	}
	for i := range 2 * 16 {
		l.becomesDeaf(fmt.Sprintf("stubborn-%d", i))
		l.delete(fmt.Sprintf("stubborn-%d", i), 600)
	}
	l.create(pod("web-1", obedient))
	l.becomes("web-1", "ready", ready)
}
