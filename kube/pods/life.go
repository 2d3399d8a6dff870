//go:build linux

package pods

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/resourceversion"

	"kubelab/kube/trace"
)

// life is what this kubelet remembers of one pod. Nothing that matters is lost with it: the runtime and the
// API server know the rest.
type life struct {
	mu     sync.Mutex
	seen   time.Time
	jobs   map[string]*job
	images map[string]Image      // by container
	failed map[string]Failure    // by job
	ready  map[string][]trace.ID // by container, "" for the sandbox: what made its start possible
	made   []trace.ID            // what came of jobs that have ended since the last look
	noted  map[string]bool       // containers whose exit is in the causal record
	latest *corev1.Pod           // as the API server last answered us
	gone   bool                  // the API server was told that nothing is left

	// Guarded by the operator: it decides on one pod after the other.
	taken   bool     // the node has taken the pod
	refusal *Refusal // or why not
}

type job struct {
	cancel   context.CancelFunc
	deadline time.Time // of a stop: when SIGKILL comes
}

func newLife(now time.Time) *life {
	return &life{
		seen: now, jobs: map[string]*job{}, images: map[string]Image{}, failed: map[string]Failure{},
		ready: map[string][]trace.ID{}, noted: map[string]bool{},
	}
}

// recall adds what is remembered to have. It returns what came of the jobs that were under way when it was asked last, and
// are not any more: whatever is found different now may be due to them.
func (l *life) recall(have *Current) []trace.ID {
	l.mu.Lock()
	defer l.mu.Unlock()
	have.Seen = l.seen
	have.Busy = map[string]time.Time{}
	for name, j := range l.jobs {
		have.Busy[name] = j.deadline
	}
	have.Images, have.Failed = maps.Clone(l.images), maps.Clone(l.failed)
	made := l.made
	l.made = nil
	return made
}

// newer is the pod as it is known best: by the watch, or by the answer to our last write, which may be ahead.
func (l *life) newer(pod *corev1.Pod) *corev1.Pod {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.latest == nil {
		return pod
	}
	order, err := resourceversion.CompareResourceVersion(pod.ResourceVersion, l.latest.ResourceVersion)
	if err != nil || order >= 0 {
		l.latest = nil
		return pod
	}
	return l.latest
}

func (l *life) wrote(pod *corev1.Pod) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.latest = pod
}

// begin notes that a job is under way. A stop takes the place of one that would end later.
func (l *life) begin(action Action, j *job) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.jobs[action.Job()] = j
}

// end notes how a job has ended, and what came of it.
func (l *life) end(action Action, j *job, now time.Time, err error, made []trace.ID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	name := action.Job()
	if l.jobs[name] == j {
		delete(l.jobs, name)
	}
	l.made = append(l.made, made...)
	if err != nil {
		failure := Failure{Message: err.Error(), Count: l.failed[name].Count + 1, At: now}
		if p, ok := err.(*problem); ok {
			failure.Reason = p.reason
		}
		l.failed[name] = failure
		return
	}
	delete(l.failed, name)
	switch a := action.(type) {
	case CreateSandbox:
		l.ready[""] = made
	case PullImage:
		l.ready[a.Container] = made
	case StartContainer:
		prefix, _ := strings.CutSuffix(startJob(a.Container, 0), "0")
		maps.DeleteFunc(l.failed, func(other string, _ Failure) bool { return strings.HasPrefix(other, prefix) })
	case DeletePod:
		l.gone = true
	}
}

// prune forgets what concerned containers and sandboxes of which the runtime has no record any more.
func (l *life) prune(have Current) {
	there := map[string]bool{}
	for _, record := range have.Containers {
		there[record.ID] = true
	}
	for _, sandbox := range have.Sandboxes {
		there[sandbox.ID] = true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	maps.DeleteFunc(l.noted, func(id string, _ bool) bool { return !there[id] })
	maps.DeleteFunc(l.failed, func(job string, _ Failure) bool {
		about, isOfOne := idOf(job)
		return isOfOne && !there[about]
	})
}

// why is what made an action possible besides what set off this turn: sandbox and image come in turns of their own.
func (l *life) why(action Action) []trace.ID {
	l.mu.Lock()
	defer l.mu.Unlock()
	start, ok := action.(StartContainer)
	if !ok {
		return nil
	}
	causes := slices.Clone(l.ready[start.Container])
	if start.Attempt == 0 {
		causes = append(causes, l.ready[""]...)
	}
	delete(l.ready, start.Container)
	return causes
}

func (l *life) isGone() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.gone
}

func (l *life) pulled(container string, image Image) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.images[container] = image
}

func (l *life) cancel(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if j := l.jobs[name]; j != nil {
		j.cancel()
	}
}

// problem is an error with the reason that a container's status gives for it.
type problem struct{ reason, message string }

func (p *problem) Error() string { return p.message }
