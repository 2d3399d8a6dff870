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

	"kubelab/kube/pods/cri"
	"kubelab/kube/pods/observed"
	"kubelab/kube/pods/refusal"
	"kubelab/kube/trace"
	"kubelab/kube/volumes"
)

// life is what this kubelet remembers of one pod. Nothing that matters is lost with it: the runtime and the
// API server know the rest.
type life struct {
	mu      sync.Mutex
	seen    time.Time
	jobs    map[string]*job
	images  map[string]Image         // by container
	failed  map[string]Failure       // by job
	ended   []outcome                // of jobs, until a turn takes it in
	latest  *corev1.Pod              // as the API server last answered us
	gone    bool                     // the API server was told that nothing is left
	hooks   map[string]chan struct{} // by container: of preStop hooks that have begun, closed when they have ended
	mounted bool                     // all volumes have been made
	volumes []volumes.Volume         // as they were last made
	renew   time.Time                // when the first of the tokens in them is
	evicted string                   // why the pod has to leave the node
	tokens  map[volumes.Token]token  // used by the one job that makes volumes

	// Guarded by the operator: it decides on one pod after the other.
	taken   bool             // the node has taken the pod
	refusal *refusal.Refusal // or why not
	awaits  []trace.ID       // what set off the turns that have waited for the first sight of an object
}

// recall adds the causes of the turns that have only waited: no step tells of the first sight of an object that was there all the time.
func (l *life) recall(ctx context.Context, waits bool) context.Context {
	if len(l.awaits) > 0 {
		ctx = trace.WithCauses(ctx, append(trace.Causes(ctx), l.awaits...)...)
	}
	l.awaits = nil
	if waits {
		l.awaits = trace.Causes(ctx)
	}
	return ctx
}

type job struct {
	action   Action
	cancel   context.CancelFunc
	deadline time.Time // of a stop: when SIGKILL comes
}

// outcome is how a job has ended.
type outcome struct {
	job     *job
	at      time.Time
	err     error
	image   Image            // what a pull has brought
	volumes []volumes.Volume // that have been made
	renew   time.Time        // of what is in them
	causes  []trace.ID       // the steps that came of the job, and the decision to do it
}

func newLife(now time.Time) *life {
	return &life{seen: now, jobs: map[string]*job{}, images: map[string]Image{}, failed: map[string]Failure{}, hooks: map[string]chan struct{}{}, tokens: map[volumes.Token]token{}}
}

// outcomes are those that no turn has taken in yet.
func (l *life) outcomes() []outcome {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.ended)
}

// takeIn takes in how jobs have ended. It returns what came of them: whatever is found different now may be due to that.
func (l *life) takeIn(ended []outcome) (causes []trace.ID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = slices.Clone(l.ended[len(ended):])
	for _, out := range ended {
		l.takeInOne(out)
		causes = append(causes, out.causes...)
	}
	return causes
}

func (l *life) takeInOne(out outcome) {
	name := out.job.action.Job()
	if l.jobs[name] == out.job {
		delete(l.jobs, name)
	}
	if out.err != nil {
		failure := Failure{Message: out.err.Error(), Count: l.failed[name].Count + 1, At: out.at}
		if p, ok := out.err.(*problem); ok {
			failure.Reason = p.reason
		}
		l.failed[name] = failure
		return
	}
	delete(l.failed, name)
	switch a := out.job.action.(type) {
	case PullImage:
		l.images[a.Container] = out.image
	case MountVolumes:
		l.mounted, l.volumes, l.renew = true, out.volumes, out.renew
		l.forgive(MountVolumes{}.Job())
	case StartContainer:
		prefix, _ := strings.CutSuffix(startJob(a.Container, 0), "0")
		l.forgive(prefix)
	}
}

// forgive forgets failures of jobs that begin like this.
func (l *life) forgive(prefix string) {
	maps.DeleteFunc(l.failed, func(job string, _ Failure) bool { return strings.HasPrefix(job, prefix) })
}

// current is what there is of the pod, records being what the runtime has.
func (l *life) current(node cri.Node, records observed.Records) Current {
	l.mu.Lock()
	defer l.mu.Unlock()
	have := Current{Node: node, Seen: l.seen, Busy: map[string]time.Time{}, Images: maps.Clone(l.images), Failed: maps.Clone(l.failed), Evicted: l.evicted}
	have.Volumes.Mounted, have.Volumes.Made, have.Volumes.Renew = l.mounted, l.volumes, l.renew
	var jobs []Action
	for name, j := range l.jobs {
		have.Busy[name] = j.deadline
		jobs = append(jobs, j.action)
	}
	has := settled(records, jobs)
	have.Sandboxes, have.Containers = has.Sandboxes, has.Containers
	return have
}

// works is whether a job is under way, with whose end the pod is looked at. Of one that has ended, a turn may have taken the outcome already.
func (l *life) works() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, j := range l.jobs {
		if !slices.ContainsFunc(l.ended, func(out outcome) bool { return out.job == j }) {
			return true
		}
	}
	return false
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
func (l *life) begin(j *job) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.jobs[j.action.Job()] = j
}

// end notes how a job has ended, for the next turn.
func (l *life) end(out outcome) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = append(l.ended, out)
	if _, ok := out.job.action.(DeletePod); ok && out.err == nil {
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
	maps.DeleteFunc(l.failed, func(job string, _ Failure) bool {
		about, isOfOne := idOf(job)
		return isOfOne && !there[about]
	})
	maps.DeleteFunc(l.hooks, func(id string, _ chan struct{}) bool { return !there[id] })
}

// hook begins the preStop hook of a container, unless it has begun: it runs once. The first who asks closes ended when it has.
func (l *life) hook(id string) (first bool, ended chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hooks[id] != nil {
		return false, l.hooks[id]
	}
	l.hooks[id] = make(chan struct{})
	return true, l.hooks[id]
}

// evict notes why the pod has to leave the node, and says whether that is news.
func (l *life) evict(message string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.evicted != "" {
		return false
	}
	l.evicted = message
	return true
}

func (l *life) isGone() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.gone
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
