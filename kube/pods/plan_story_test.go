package pods

import (
	gocmp "cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubelab/kube/api/podspec"
	"kubelab/kube/pods/observed"
	"kubelab/kube/pods/podstest"
)

// world is a node with one pod, in which anything may happen at any time.
type world struct {
	*rand.Rand
	broken bool
	pod    *corev1.Pod
	have   Current          // what there is
	stream *podstest.Stream // what the kubelet hears of it
	clock  time.Time
	jobs   map[string]*progress // of this kubelet
	ghosts []*progress          // what a kubelet asked for that is dead: the runtime goes on with it
	made   int
	gone   bool
	story  []string
}

// progress is how far a job has come.
type progress struct {
	action Action
	stage  int
}

func newWorld(seed uint64, broken bool) *world {
	w := &world{Rand: rand.New(rand.NewPCG(seed, 0)), clock: now, have: nothing(), jobs: map[string]*progress{}}
	w.broken = broken
	w.stream = podstest.NewStream(w.Rand, broken, w.records())
	policies := []corev1.RestartPolicy{corev1.RestartPolicyAlways, corev1.RestartPolicyOnFailure, corev1.RestartPolicyNever}
	w.pod = podOf(policies[w.IntN(len(policies))], []string{"a", "b"}[:1+w.IntN(2)]...)
	if w.IntN(2) == 0 {
		always := corev1.ContainerRestartPolicyAlways
		w.pod.Spec.InitContainers = []corev1.Container{{Name: "i", Image: "i:1"}, {Name: "s", Image: "s:1", RestartPolicy: &always}, {Name: "j", Image: "j:1"}}[w.IntN(2) : 1+w.IntN(3)]
	}
	if w.IntN(4) == 0 {
		w.pod.Spec.ActiveDeadlineSeconds = new(int64(1 + w.IntN(60)))
	}
	return w
}

// happen lets one thing happen.
func (w *world) happen() {
	running := slices.DeleteFunc(slices.Clone(w.have.Containers), func(c observed.Container) bool { return c.State != observed.Running })
	switch n := w.IntN(100); {
	case n < 40 && len(w.jobs) > 0:
		name := slices.Sorted(maps.Keys(w.jobs))[w.IntN(len(w.jobs))]
		if job := w.jobs[name]; w.advance(job) {
			delete(w.jobs, name)
			delete(w.have.Busy, name)
			if _, failed := w.have.Failed[name]; !shows(w.stream.Seen(), job.action, failed) {
				w.stream.List(w.records())
			}
		}
	case n < 50 && len(w.ghosts) > 0:
		i := w.IntN(len(w.ghosts))
		if w.advance(w.ghosts[i]) {
			w.ghosts = slices.Delete(w.ghosts, i, i+1)
		}
	case n < 58 && len(running) > 0:
		w.end(running[w.IntN(len(running))].ID, int32(w.IntN(2)))
	case n < 60 && len(w.have.Sandboxes) > 0:
		w.loseSandbox()
	case n < 62:
		w.killKubelet()
	case n < 64 && w.pod.DeletionTimestamp == nil:
		w.note("the pod is deleted")
		w.pod.DeletionTimestamp, w.pod.DeletionGracePeriodSeconds = &metav1.Time{Time: w.clock.Add(30 * time.Second)}, new(int64(30))
	case n < 66:
		w.clock = w.clock.Add(-time.Second) // somebody sets it
	case n < 75:
		w.clock = w.clock.Add(time.Duration(w.IntN(30_000)) * time.Millisecond)
	}
}

// look is one turn of the kubelet. It returns what is earlier in the pod's story than what was said before.
func (w *world) look() string {
	w.stream.Flow(w.records())
	decision := Plan(w.pod, w.seen(), w.clock)
	for _, action := range decision.Actions {
		w.note("%v", action)
		if cancelled, ok := action.(Cancel); ok {
			delete(w.jobs, cancelled.Of)
			delete(w.have.Busy, cancelled.Of)
			continue
		}
		if wrong := w.outOfOrder(action); wrong != "" {
			return wrong
		}
		w.jobs[action.Job()], w.have.Busy[action.Job()] = &progress{action: action}, w.clock
	}
	if decision.Hold || same(decision.Status, w.pod.Status) || w.IntN(10) == 0 { // now and then a write fails
		return ""
	}
	w.note("told: %s", told(decision.Status))
	wrong := podstest.Backwards(w.pod.Status, decision.Status)
	w.pod.Status = decision.Status
	return wrong
}

// outOfOrder is why a container may not start now: an init container that has done its work in this sandbox is not to do it again, and a main container
// begins when all of them have.
func (w *world) outOfOrder(action Action) string {
	start, is := action.(StartContainer)
	if !is || !slices.ContainsFunc(w.have.Sandboxes, func(s observed.Sandbox) bool { return s.ID == start.Sandbox }) {
		return ""
	}
	main := podspec.Find(&w.pod.Spec, start.Container).Role == podspec.Main
	for _, c := range podspec.Members(&w.pod.Spec) {
		done := slices.ContainsFunc(w.have.Containers, func(r observed.Container) bool {
			return r.Name == c.Name && r.Sandbox == start.Sandbox && r.State == observed.Exited && r.ExitCode == 0
		})
		if c.Role == podspec.Init && (main && !done || c.Name == start.Container && done) {
			return fmt.Sprintf("%v: init container %s is done: %v", action, c.Name, done)
		}
	}
	return ""
}

// seen is what the kubelet knows.
func (w *world) seen() Current {
	have := w.have
	var jobs []Action
	for _, p := range w.jobs {
		jobs = append(jobs, p.action)
	}
	has := settled(w.stream.Seen(), jobs)
	have.Sandboxes, have.Containers = has.Sandboxes, has.Containers
	return have
}

// records are what there is.
func (w *world) records() observed.Records {
	return observed.Records{Sandboxes: slices.Clone(w.have.Sandboxes), Containers: slices.Clone(w.have.Containers)}
}

// advance takes a job one step further and says whether that was the last.
func (w *world) advance(p *progress) bool {
	p.stage++
	w.note("%d: %v", p.stage, p.action)
	w.made++
	switch a := p.action.(type) {
	case CreateSandbox:
		if p.stage == 1 {
			w.have.Sandboxes = append([]observed.Sandbox{{ID: fmt.Sprint("s", w.made), Attempt: a.Attempt, Ready: true,
				IPs: []string{"10.244.1.2"}[:min(w.IntN(4), 1)]}}, w.have.Sandboxes...)
		}
		return p.stage == 2
	case PullImage:
		w.have.withImage(a.Container, a.Attempt)
	case StartContainer:
		return w.start(p, a)
	case StopContainer:
		w.end(a.ID, 143)
	case StopSandbox:
		w.stopSandbox(a.ID)
	case RemoveSandbox:
		w.removeSandbox(a.ID)
	case RemoveContainer:
		w.have.Containers = slices.DeleteFunc(w.have.Containers, func(c observed.Container) bool { return c.ID == a.ID })
	case DeletePod:
		w.gone = true
	}
	return true
}

func (w *world) start(p *progress, a StartContainer) bool {
	up := slices.ContainsFunc(w.have.Sandboxes, func(s observed.Sandbox) bool { return s.ID == a.Sandbox && s.Ready })
	if !up || w.IntN(8) == 0 {
		w.have.Failed[a.Job()] = Failure{Reason: RunContainerError, Message: "no", Count: 1, At: w.clock}
		return true
	}
	for i := range w.have.Containers {
		if c := &w.have.Containers[i]; c.Name == a.Container && c.Attempt == a.Attempt && c.State == observed.Created && p.stage == 2 {
			c.State, c.Started = observed.Running, w.clock
		}
	}
	if p.stage == 1 {
		w.have.Containers = append(w.have.Containers, observed.Container{ID: fmt.Sprint(a.Container, w.made), Name: a.Container, Sandbox: a.Sandbox,
			Attempt: a.Attempt, Streak: a.Streak, State: observed.Created, Image: a.Container + ":1"})
		slices.SortFunc(w.have.Containers, func(a, b observed.Container) int {
			return gocmp.Or(gocmp.Compare(a.Name, b.Name), gocmp.Compare(b.Attempt, a.Attempt))
		})
	}
	return p.stage == 3
}

func (w *world) end(id string, code int32) {
	for i := range w.have.Containers {
		if c := &w.have.Containers[i]; c.ID == id && c.State != observed.Exited {
			c.State, c.Finished, c.ExitCode = observed.Exited, w.clock, code
			w.note("%s exited with %d", id, code)
		}
	}
}

func (w *world) stopSandbox(id string) {
	for i := range w.have.Sandboxes {
		if w.have.Sandboxes[i].ID == id {
			w.have.Sandboxes[i].Ready = false
		}
	}
	for _, c := range w.have.Containers {
		if c.Sandbox == id {
			w.end(c.ID, exitUnknown)
		}
	}
}

func (w *world) removeSandbox(id string) {
	w.have.Sandboxes = slices.DeleteFunc(w.have.Sandboxes, func(s observed.Sandbox) bool { return s.ID == id })
	w.have.Containers = slices.DeleteFunc(w.have.Containers, func(c observed.Container) bool { return c.Sandbox == id })
}

// loseSandbox: its shim is killed. A runtime that lives tells of that; one that starts anew finds nothing.
func (w *world) loseSandbox() {
	id := w.have.Sandboxes[0].ID
	w.note("the shim of %s is killed", id)
	w.stopSandbox(id)
	if w.IntN(2) == 0 {
		w.removeSandbox(id)
	}
}

// killKubelet: the next one remembers nothing. What the last one asked for may go on in the runtime, and of what is being made there is a
// record; only a pod that is to end has nobody who would ask for the same again.
func (w *world) killKubelet() {
	w.note("the kubelet is killed")
	for _, p := range w.jobs {
		if _, ok := p.action.(StartContainer); ok && (p.stage > 0 || w.pod.DeletionTimestamp != nil) {
			w.ghosts = append(w.ghosts, p)
		}
	}
	clear(w.jobs)
	w.stream = podstest.NewStream(w.Rand, w.broken, w.records())
	w.have.Busy, w.have.Failed, w.have.Images = map[string]time.Time{}, map[string]Failure{}, map[string]Image{}
	w.have.Seen = w.clock
}

func (w *world) note(format string, args ...any) {
	w.story = append(w.story, fmt.Sprintf(format, args...))
}

func TestWhateverHappensAStatusTellsAStoryThatNeverGoesBack(t *testing.T) {
	for _, broken := range []bool{false, true} {
		for seed := range uint64(300) {
			w := newWorld(seed, broken)
			for n := 0; n < 300 && !w.gone; n++ {
				if wrong := w.look(); wrong != "" {
					t.Fatalf("in story %d (broken stream: %v): %s\n\n%s", seed, broken, wrong, strings.Join(w.story, "\n"))
				}
				w.happen()
			}
			w.stream.List(w.records())
			if diff := cmp.Diff(w.records(), w.stream.Seen(), cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("in story %d (broken stream: %v) the kubelet is mistaken at the end (-is +seen):\n%s\n\n%s", seed, broken, diff, strings.Join(w.story, "\n"))
			}
		}
	}
}
