package pods

import (
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"kubelab/kube/api"
	"kubelab/kube/api/podspec"
	"kubelab/kube/initcontainers"
	"kubelab/kube/pods/observed"
)

// Decision is what a plan comes to.
type Decision struct {
	Actions []Action
	Status  corev1.PodStatus // what the pod's status should say; empty for a pod that the API does not know
	Hold    bool             // the status is not worth telling anybody yet
	Wake    Wake             // when to look again, should nothing happen before
}

// Wake is a time to look again and the reason. The zero Wake is never.
type Wake struct {
	At  time.Time
	Why string
}

// The rules of restarting (documentation of Kubernetes, "Pod Lifecycle").
const (
	backOffFirst = 10 * time.Second  // before the second restart; the first is at once
	backOffLast  = 300 * time.Second // it doubles up to this
	backOffReset = 10 * time.Minute  // whoever ran for so long starts with a clean sheet
)

// Plan decides what is to be done for a pod now. A pod that is nil is one that the API does not know
// (any more) and the runtime still has.
func Plan(pod *corev1.Pod, have Current, now time.Time) Decision {
	p := &planner{pod: pod, have: have, now: now}
	if pod == nil {
		p.endOrphan()
		return p.decision
	}
	p.members = podspec.Members(&pod.Spec)
	p.order = initcontainers.Plan(p.progress())
	if have.Refused != nil && !api.PodEnded(pod) {
		p.decision.Status = p.refusedStatus(*have.Refused)
		return p.decision
	}
	p.decision.Status = p.status()
	switch {
	case pod.DeletionTimestamp != nil:
		p.endDeleted()
	case p.over():
		p.endInPlace()
	default:
		p.keepRunning()
	}
	p.decision.Hold = p.notWorthTelling()
	return p.decision
}

type planner struct {
	pod      *corev1.Pod
	members  []podspec.Member
	order    initcontainers.Decision // which of them are to run, unless the pod is to end
	have     Current
	now      time.Time
	decision Decision
}

// keepRunning brings up what should run. When nothing should any more, the pod has done its work.
func (p *planner) keepRunning() {
	p.clearAway()
	if p.order.Over {
		p.endInPlace()
		return
	}
	p.mountVolumes()
	for _, c := range p.members {
		if p.order.Runs(c.Name) && !p.losesSandbox() {
			p.keep(c)
		}
	}
	if limit := p.pod.Spec.ActiveDeadlineSeconds; limit != nil {
		p.wake(p.started().Add(seconds(*limit)), "the pod's active deadline has come")
	}
}

// keep does what one container needs that is to run.
func (p *planner) keep(c podspec.Member) {
	record := p.have.newest(c.Name)
	switch {
	case record != nil && record.State == observed.Running:
		p.stopUnfit(c, record)
	case record != nil && record.State == observed.Created:
		// Its start was broken off, perhaps by the death of a kubelet: do it again from the beginning.
		if !p.busy(startJob(c.Name, record.Attempt)) {
			p.propose(RemoveContainer{c.Name, record.ID})
		}
	case p.mayStart(c):
		p.start(c)
	}
}

// start takes the next step towards a running container. The sandbox and the image do not wait for each other.
func (p *planner) start(c podspec.Member) {
	attempt, streak, due := p.next(c.Name)
	if due.After(p.now) {
		p.wake(due, "the back-off of container "+c.Name+" is over")
		return
	}
	sandbox := p.have.ready()
	if sandbox == nil {
		p.propose(CreateSandbox{p.nextSandbox()})
	}
	image, pulled := p.have.Images[c.Name]
	if !pulled || image.Attempt != attempt {
		if p.have.Pull.Awaited {
			return
		}
		p.propose(PullImage{c.Name, c.Image, c.ImagePullPolicy, attempt})
		return
	}
	if sandbox == nil || p.unmounted() || p.awaits(c) || p.unset(c) != "" {
		return
	}
	p.propose(StartContainer{c.Name, attempt, streak, sandbox.ID, image.Ref})
}

// mayStart is the restart rule: whether a container that does not run is to be started.
func (p *planner) mayStart(c podspec.Member) bool {
	code, ended := p.exit(c.Name)
	again := c.Restarts(code) || c.Role == podspec.Init && p.order.Runs(c.Name) // in a new sandbox it has not ended
	return !p.order.Over && (!ended || again)
}

// next is the attempt that comes after what is known of a container, and when it is due.
func (p *planner) next(name string) (attempt, streak int, due time.Time) {
	record := p.lived(name)
	if record == nil {
		if known := podspec.StatusOf(&p.pod.Status, name); known.ContainerID != "" {
			return int(known.RestartCount) + 1, 0, time.Time{} // it went with its sandbox
		}
		return 0, 0, time.Time{}
	}
	streak = record.Streak + 1
	if !record.Started.IsZero() && record.Finished.Sub(record.Started) >= backOffReset {
		streak = 1
	}
	return record.Attempt + 1, streak, record.Finished.Add(backOff(streak - 1))
}

// nextSandbox is never the first (0) where there was one before, though the runtime may have forgotten it.
func (p *planner) nextSandbox() int {
	if len(p.have.Sandboxes) > 0 {
		return p.have.Sandboxes[0].Attempt + 1
	}
	before := slices.ContainsFunc(podspec.Statuses(&p.pod.Status), func(c corev1.ContainerStatus) bool { return c.ContainerID != "" })
	if before {
		return 1
	}
	return 0
}

// backOff is the pause after the n-th failure in a row.
func backOff(n int) time.Duration {
	if n <= 0 {
		return 0
	}
	return min(backOffFirst<<min(n-1, 10), backOffLast)
}

// propose adds an action, unless its job is under way or has failed a moment ago.
func (p *planner) propose(action Action) {
	job := action.Job()
	if p.underWay(action) || slices.ContainsFunc(p.decision.Actions, func(a Action) bool { return a.Job() == job }) {
		return
	}
	if failure, failed := p.have.Failed[job]; failed {
		if again := failure.At.Add(pause(action, failure.Count)); again.After(p.now) {
			p.wake(again, "time to try again: "+job)
			return
		}
	}
	p.decision.Actions = append(p.decision.Actions, action)
}

// underWay is whether the action is being done already. A stop is not if it would end later than wanted.
func (p *planner) underWay(action Action) bool {
	deadline, busy := p.have.Busy[action.Job()]
	if stop, ok := action.(StopContainer); ok && busy {
		return !deadline.After(p.now.Add(stop.Grace + time.Second))
	}
	return busy
}

func (p *planner) busy(job string) bool {
	_, busy := p.have.Busy[job]
	return busy
}

// busyWith is whether any job of that kind is under way.
func (p *planner) busyWith(kind string) bool {
	for job := range p.have.Busy {
		if strings.HasPrefix(job, kind) {
			return true
		}
	}
	return false
}

// pause is how long an action rests after its n-th failure in a row. What depends on a person's mistake
// (an image's name, a command) rests for longer than what depends on the node.
func pause(action Action, n int) time.Duration {
	switch action.(type) {
	case PullImage, StartContainer:
		return backOff(n)
	case MountVolumes:
		return mountPause(n)
	}
	return min(time.Second<<min(n-1, 10), backOffFirst)
}

// wake asks to be called again at a time. The earliest wins.
func (p *planner) wake(at time.Time, why string) {
	if p.decision.Wake.At.IsZero() || at.Before(p.decision.Wake.At) {
		p.decision.Wake = Wake{at, why}
	}
}

func seconds(n int64) time.Duration { return time.Duration(n) * time.Second }
