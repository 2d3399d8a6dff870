//go:build linux

package kubelet

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"

	"kubelab/kube/pods/podstest"
)

// stories are the statuses of all pods that a lab has had, in the order in which they were told.
type stories struct {
	mu   sync.Mutex
	told map[string][]corev1.PodStatus
}

// followStories fails the test when the status of any pod goes back to what was before. The caller calls stop.
func (l *lab) followStories() (stop func()) {
	l.stories.told = map[string][]corev1.PodStatus{}
	watches := informers.NewSharedInformerFactory(l.admin, 0)
	_, err := watches.Core().V1().Pods().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		UpdateFunc: func(before, now any) {
			was, is := before.(*corev1.Pod), now.(*corev1.Pod)
			l.stories.mu.Lock()
			l.stories.told[is.Name] = append(l.stories.told[is.Name], is.Status)
			l.stories.mu.Unlock()
			if wrong := podstest.Backwards(was.Status, is.Status); was.UID == is.UID && wrong != "" {
				l.t.Errorf("the status of pod %s goes backwards: %s", is.Name, wrong)
			}
		},
	})
	l.must(err)
	stopped := make(chan struct{})
	watches.Start(stopped)
	return func() {
		close(stopped)
		watches.Shutdown()
	}
}

// shims are the processes that hold the lab's pods.
func (l *lab) shims() []int {
	l.t.Helper()
	found, err := filepath.Glob("/proc/[0-9]*/cmdline")
	l.must(err)
	var pids []int
	for _, file := range found {
		words, err := os.ReadFile(file)
		if err != nil || !strings.HasPrefix(string(words), program) || !strings.Contains(string(words), l.dir) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		l.must(err)
		pids = append(pids, pid)
	}
	return pids
}

func TestAPodThatIsDeletedWhileItsContainerIsMadeTellsHowItEnded(t *testing.T) {
	l := newLab(t)
	l.create(pod("web-1", "exec sleep 1000", policy(corev1.RestartPolicyNever), func(p *corev1.Pod) {
		p.Spec.Containers[0].EnvFrom = []corev1.EnvFromSource{{ConfigMapRef: &corev1.ConfigMapEnvSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: "settings"}}}}
	}))
	l.becomes("web-1", "about to start", func(p *corev1.Pod) bool { return waitsFor("CreateContainerConfigError")(p) && p.Status.PodIP != "" })
	held := l.shims()
	for _, pid := range held {
		l.must(syscall.Kill(pid, syscall.SIGSTOP)) // so the start begins, and does not end
	}
	_, err := l.admin.CoreV1().ConfigMaps("default").Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "settings"}}, metav1.CreateOptions{})
	l.must(err)
	l.waitFor("its start to begin", func() bool {
		for _, step := range l.steps() {
			if step.Verb == "decide" && strings.HasPrefix(step.Detail, "start container") {
				return true
			}
		}
		return false
	})
	l.delete("web-1", 2)
	l.create(pod("web-2", obedient))
	l.becomes("web-2", "ready", ready) // the kubelet has seen the deletion before
	for _, pid := range held {
		l.must(syscall.Kill(pid, syscall.SIGCONT))
	}
	l.gone("web-1")
	l.stories.mu.Lock()
	defer l.stories.mu.Unlock()
	for _, status := range l.stories.told["web-1"] {
		for _, c := range status.ContainerStatuses {
			if ended := c.State.Terminated; ended != nil && ended.Reason == "ContainerStatusUnknown" {
				t.Errorf("nobody knows how it ended, it is said: %+v", ended)
			}
		}
	}
}
